#include "sandbox.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <sstream>

#include "gantry/error.hpp"
#include "link.hpp"

namespace gantry::bridge {
namespace {

using network::v1::Port;

constexpr int kLinkLocalPrefix4 = 16;  // 169.254.0.0/16, RFC 3927
constexpr int kLinkLocalPrefix6 = 64;  // RFC 4291
constexpr int kLoopbackIndex = 1;      // the first interface of every namespace

constexpr const char* kSysctls = "com.docker.network.endpoint.sysctls";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream items(text);
  for (std::string part; std::getline(items, part, separator);) parts.push_back(part);
  return parts;
}

/// It becomes a part of a path.
bool is_word(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool matches(const Port& have, const Port& wanted) {
  const bool same_inside = have.protocol == wanted.protocol && have.container_port == wanted.container_port;
  if (have.host_port == 0) return same_inside;  // routed: there is nothing on the host
  const std::uint16_t last = std::max(wanted.host_port, wanted.host_port_end);
  return same_inside && (wanted.host_ip.empty() || have.host_ip == wanted.host_ip) &&
         (wanted.host_port == 0 || (have.host_port >= wanted.host_port && have.host_port <= last));
}

}  // namespace

std::vector<Sysctl> interface_sysctls(const Options& options, const std::string& interface) {
  std::vector<Sysctl> out;
  const auto given = options.find(kSysctls);
  if (given == options.end()) return out;
  std::istringstream items(given->second);
  for (std::string item; std::getline(items, item, ',');) {
    const auto equals = item.find('=');
    const std::vector<std::string> parts = split(item.substr(0, equals), '.');
    const bool right = equals != std::string::npos && parts.size() == 5 && parts[0] == "net" && parts[3] == "IFNAME" &&
                       std::none_of(parts.begin(), parts.end(), [](const std::string& part) { return !is_word(part); });
    if (!right) {
      throw Error{Errc::invalid,
                  "invalid endpoint settings:\nunrecognised interface sysctl \"" + item +
                      "\": net.ipv4.conf.IFNAME.name=value, net.ipv6.conf.* or net.mpls.conf.* was expected"};
    }
    out.push_back({parts[1] + "/" + parts[2] + "/" + interface + "/" + parts[4], item.substr(equals + 1)});
  }
  return out;
}

SandboxLink sandbox_link(const Network& network, const EndpointRecord& record, bool default_gateway) {
  SandboxLink link{record.sandbox_interface, {}, {}, network.plan().ipv6.has_value(), {}};
  if (network.plan().ipv4) {
    link.addresses.push_back({parse_address(record.ipv4).value(), network.plan().ipv4->subnet.prefix});
  }
  if (network.plan().ipv6) {
    link.addresses.push_back({parse_address(record.ipv6).value(), network.plan().ipv6->subnet.prefix});
  }
  for (const std::string& text : record.link_local) {
    const auto address = parse_address(text);
    if (!address) throw Error{Errc::invalid, "invalid link-local IP address: " + text};
    link.addresses.push_back({*address, address->family == AF_INET ? kLinkLocalPrefix4 : kLinkLocalPrefix6});
  }
  if (!default_gateway) return link;
  for (const int family : {AF_INET, AF_INET6}) {
    if (const auto gateway = network.gateway(family)) link.default_gateways.push_back(*gateway);
  }
  return link;
}

void configure_sandbox(const SandboxLink& link) {
  // Before the link is up: else it gets a link-local address that nobody asked for. A kernel without IPv6 has no such
  // file.
  write_sysctl("ipv6/conf/" + link.interface + "/disable_ipv6", link.ipv6 ? "0" : "1");
  Netlink netlink;
  const auto found = netlink.find(link.interface);
  if (!found) throw Error{Errc::io, "interface " + link.interface + " is not in the container's namespace"};
  netlink.set_up(kLoopbackIndex);
  for (const Sysctl& sysctl : link.sysctls) {
    if (write_sysctl(sysctl.path, sysctl.value)) continue;
    throw Error{Errc::invalid, "sysctl net/" + sysctl.path + " can't be set to \"" + sysctl.value +
                                   "\" for interface " + link.interface};
  }
  for (const Cidr& address : link.addresses) netlink.add_address(found->index, address);
  if (!found->up) netlink.set_up(found->index);
  for (const Address& gateway : link.default_gateways) netlink.set_default_route(found->index, gateway);
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

bool satisfies(const std::vector<Port>& have, const std::vector<Port>& wanted) {
  const auto is_in = [](const Port& port, const std::vector<Port>& ports, auto matching) {
    return std::any_of(ports.begin(), ports.end(), [&](const Port& other) { return matching(port, other); });
  };
  return std::all_of(have.begin(), have.end(), [&](const Port& port) { return is_in(port, wanted, matches); }) &&
         std::all_of(wanted.begin(), wanted.end(), [&](const Port& port) {
           return is_in(port, have, [](const Port& asked, const Port& given) { return matches(given, asked); });
         });
}

bool same_ports(const std::vector<Port>& some, const std::vector<Port>& others) {
  return std::equal(some.begin(), some.end(), others.begin(), others.end(), [](const Port& one, const Port& other) {
    return one.protocol == other.protocol && one.container_port == other.container_port &&
           one.host_ip == other.host_ip && one.host_port == other.host_port;
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
