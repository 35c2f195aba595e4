#include "sandbox_end.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cctype>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"
#include "net_link/moved_link.hpp"
#include "net_link/sandbox_link.hpp"

namespace gantry::net_plugin {
namespace {

using net_link::Netlink;

constexpr const char* kAskedName = "com.docker.network.endpoint.ifname";

/// Whether a name is the prefix and a number.
bool is_of(const std::string& name, const std::string& prefix) {
  return prefix.empty() || (name.starts_with(prefix) && name.size() > prefix.size() &&
                            std::all_of(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()), name.end(),
                                        [](unsigned char c) { return std::isdigit(c) != 0; }));
}

}  // namespace

void bring_in(const network::v1::EndpointSpec& spec, const std::string& prefix, int netns,
              net_link::NamespaceThread& namespaces, EndpointRecord& record) {
  record.interface = spec.interface;
  const bool any_name = !spec.options.contains(kAskedName);
  bool there = false;
  namespaces.run(netns, [&] {
    Netlink netlink;
    if (any_name && !is_of(spec.interface, prefix)) record.interface = net_link::free_name(netlink, prefix);
    there = netlink.find(record.interface).has_value();
  });
  if (there) throw Error{Errc::conflict, "interface " + record.interface + " is in the container already"};
  Netlink netlink;
  net_link::move_link(netlink, record.source, netns, record.interface);
}

std::string configure(const network::v1::EndpointSpec& spec, int netns, bool ipv6,
                      net_link::NamespaceThread& namespaces, const EndpointRecord& record) {
  net_link::SandboxLink link;
  link.interface = record.interface;
  link.ipv6 = ipv6 || !record.ipv6.empty();
  link.sysctls = net_link::interface_sysctls(spec.options, record.interface);
  for (const std::string& text : {record.ipv4, record.ipv6}) {
    if (const auto cidr = net_link::parse_cidr(text)) link.addresses.push_back(*cidr);
  }
  net_link::add_link_local(spec.link_local, link);
  std::vector<net_link::Address> gateways;
  for (const std::string& text : {record.gateway4, record.gateway6}) {
    if (const auto gateway = net_link::parse_address(text); gateway && spec.default_gateway)
      gateways.push_back(*gateway);
  }
  std::string mac;
  namespaces.run(netns, [&] {
    Netlink netlink;
    const std::string has = netlink.find(record.interface).value_or(net_link::Link{}).mac;
    if (!record.mac.empty() && has != record.mac) net_link::set_mac(netlink, record.interface, record.mac);
    net_link::configure_sandbox(link);
    const auto found = netlink.find(record.interface);
    for (const StaticRoute& route : record.routes) {
      const auto to = net_link::parse_cidr(route.destination);
      if (to) net_link::add_route(netlink, record.interface, to->subnet(), net_link::parse_address(route.next_hop));
    }
    // Behind the other routes: one of them may lead to the gateway.
    for (const auto& gateway : gateways) netlink.set_default_route(found->index, gateway);
    netlink.wait_until_running(record.interface);
    mac = found->mac;
  });
  return mac;
}

void take_back(int netns, net_link::NamespaceThread& namespaces, const EndpointRecord& record) {
  if (record.source.empty() || record.interface.empty()) return;
  const UniqueFd host(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  namespaces.run(netns, [&] {
    Netlink netlink;
    if (netlink.find(record.interface)) net_link::move_link(netlink, record.interface, host.get(), record.source);
  });
}

}  // namespace gantry::net_plugin
