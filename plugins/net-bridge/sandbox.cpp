#include "sandbox.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "gantry/error.hpp"
#include "net_link/link.hpp"

namespace gantry::bridge {
namespace {

using network::v1::Port;

bool matches(const Port& have, const Port& wanted) {
  const bool same_inside = have.protocol == wanted.protocol && have.container_port == wanted.container_port;
  if (have.host_port == 0) return same_inside;  // routed: there is nothing on the host
  const std::uint16_t last = std::max(wanted.host_port, wanted.host_port_end);
  return same_inside && (wanted.host_ip.empty() || have.host_ip == wanted.host_ip) &&
         (wanted.host_port == 0 || (have.host_port >= wanted.host_port && have.host_port <= last));
}

}  // namespace

SandboxLink sandbox_link(const Network& network, const EndpointRecord& record, bool default_gateway) {
  SandboxLink link{record.sandbox_interface, {}, {}, {}, network.plan().ipv6.has_value(), {}};
  if (network.plan().ipv4) {
    link.addresses.push_back({parse_address(record.ipv4).value(), network.plan().ipv4->subnet.prefix});
  }
  if (network.plan().ipv6) {
    link.addresses.push_back({parse_address(record.ipv6).value(), network.plan().ipv6->subnet.prefix});
  }
  add_link_local(record.link_local, link);
  if (!default_gateway) return link;
  for (const int family : {AF_INET, AF_INET6}) {
    if (const auto gateway = network.gateway(family)) link.default_gateways.push_back(*gateway);
  }
  return link;
}

std::vector<PortRule> port_rules(const EndpointRecord& record) {
  std::vector<PortRule> rules;
  const auto ipv4 = parse_address(record.ipv4);
  const auto ipv6 = parse_address(record.ipv6);
  for (const Port& port : record.ports) {
    const auto host = parse_address(port.host_ip);
    if (!host) continue;
    const auto& container = host->family == AF_INET ? ipv4 : ipv6;
    if (!container) continue;
    rules.push_back(
        {port.protocol, *host, port.host_port, *container, port.container_port, record.trusted, record.guarded});
  }
  return rules;
}

bool same_ports(const std::vector<Port>& some, const std::vector<Port>& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(), [](const Port& one, const Port& other) {
    return one.protocol == other.protocol && one.container_port == other.container_port &&
           one.host_ip == other.host_ip && one.host_port == other.host_port;
  });
}

bool satisfies(const std::vector<Port>& have, const std::vector<Port>& wanted) {
  if (same_ports(have, wanted)) return true;
  const auto is_in = [](const Port& port, const std::vector<Port>& ports, auto matching) {
    return std::any_of(ports.begin(), ports.end(), [&](const Port& other) { return matching(port, other); });
  };
  return std::all_of(have.begin(), have.end(), [&](const Port& port) { return is_in(port, wanted, matches); }) &&
         std::all_of(wanted.begin(), wanted.end(), [&](const Port& port) {
           return is_in(port, have, [](const Port& asked, const Port& given) { return matches(given, asked); });
         });
}

void fill_endpoint(const Network& network, const EndpointRecord& record, network::v1::Endpoint& out) {
  out.mac = record.mac;
  out.ports = record.ports;
  if (const auto& plan = network.plan().ipv4) {
    out.ipv4 = record.ipv4;
    out.ipv4_prefix = plan->subnet.prefix;
    if (const auto gateway = network.gateway(AF_INET)) out.ipv4_gateway = gateway->text();
  }
  if (const auto& plan = network.plan().ipv6) {
    out.ipv6 = record.ipv6;
    out.ipv6_prefix = plan->subnet.prefix;
    if (const auto gateway = network.gateway(AF_INET6)) out.ipv6_gateway = gateway->text();
  }
}

}  // namespace gantry::bridge
