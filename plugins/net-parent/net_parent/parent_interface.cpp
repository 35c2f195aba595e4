#include "net_parent/parent_interface.hpp"

#include <linux/if_link.h>

#include <charconv>
#include <cstdint>

#include "gantry/error.hpp"
#include "net_link/stacked_link.hpp"

namespace gantry::net_parent {
namespace {

using net_link::Netlink;
using net_link::StackedLink;

constexpr int kLastVlan = 4094;  // IEEE 802.1Q

struct Vlan {
  int parent_index{};
  std::uint32_t id{};
};

Vlan parse_vlan(Netlink& netlink, const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos) {
    throw Error{Errc::invalid, "invalid subinterface vlan name " + name + ", example formatting is eth0.10"};
  }
  const auto parent = netlink.find(name.substr(0, dot));
  if (!parent) throw Error{Errc::invalid, "-o parent interface was not found on the host: " + name.substr(0, dot)};
  const std::string text = name.substr(dot + 1);
  int id = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, id); read.ec != std::errc{} || read.ptr != end) {
    throw Error{Errc::invalid, "unable to parse a valid vlan id from: " + text + " (ex. eth0.10 for vlan 10)"};
  }
  if (id < 1 || id > kLastVlan) {
    throw Error{Errc::invalid, "vlan id must be between 1-4094, received: " + std::to_string(id)};
  }
  return {parent->index, static_cast<std::uint32_t>(id)};
}

void make_vlan(Netlink& netlink, const std::string& name) {
  const Vlan vlan = parse_vlan(netlink, name);
  StackedLink link{name, "vlan", vlan.parent_index, -1, "", true, {{IFLA_VLAN_ID, 2, vlan.id}}};
  try {
    net_link::add_stacked_link(netlink, link);
  } catch (const Error& error) {
    std::string message = "failed to create " + name + " vlan link: " + error.what();
    if (error.code() == Errc::unsupported) message += ": this host's kernel has no VLANs (module 8021q)";
    throw Error{error.code(), message};
  }
}

void make_placeholder(Netlink& netlink, const std::string& name) {
  try {
    net_link::add_stacked_link(netlink, {name, "dummy", 0, -1, "", true, {}});
  } catch (const Error& error) {
    if (error.code() != Errc::unsupported) throw;
    // It drops what stands on it as a dummy does, and is in kernels that have none.
    net_link::add_stacked_link(netlink, {name, "ifb", 0, -1, "", true, {}});
  }
}

}  // namespace

std::string placeholder_name(const std::string& network_id) { return "dm-" + network_id.substr(0, 12); }

void make_parent(Netlink& netlink, const std::string& name, const std::string& network_id) {
  if (name != placeholder_name(network_id)) return make_vlan(netlink, name);
  try {
    make_placeholder(netlink, name);
  } catch (const Error& error) {
    std::string message = std::string(error.what());
    if (error.code() == Errc::unsupported) {
      message += ": a network without a parent needs an interface that leads nowhere (module dummy or ifb)";
    }
    throw Error{error.code(), message};
  }
}

}  // namespace gantry::net_parent
