#include "net_link/moved_link.hpp"

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <memory>

#include "gantry/error.hpp"

namespace gantry::net_link {
namespace {

template <auto Release>
struct Free {
  template <class T>
  void operator()(T* object) const {
    Release(object);
  }
};

using OwnedLink = std::unique_ptr<rtnl_link, Free<rtnl_link_put>>;
using OwnedRoute = std::unique_ptr<rtnl_route, Free<rtnl_route_put>>;
using OwnedAddress = std::unique_ptr<nl_addr, Free<nl_addr_put>>;

void expect(int result, const std::string& what) {
  if (result < 0) throw Error{Errc::io, what + ": " + nl_geterror(result)};
}

OwnedLink link_of(Netlink& netlink, const std::string& name) {
  rtnl_link* found = nullptr;
  const int failed = rtnl_link_get_kernel(netlink.socket(), 0, name.c_str(), &found);
  if (failed == -NLE_NODEV || failed == -NLE_OBJ_NOTFOUND) {
    throw Error{Errc::not_found, "interface " + name + " not found"};
  }
  expect(failed, "look up interface " + name);
  return OwnedLink(found);
}

void change(Netlink& netlink, rtnl_link* from, rtnl_link* to, const std::string& what) {
  expect(rtnl_link_change(netlink.socket(), from, to, 0), what);
}

OwnedAddress address_of(const Address& address, int prefix) {
  const auto bytes = address.bytes();
  OwnedAddress out(nl_addr_build(address.family, bytes.data(), static_cast<std::size_t>(address.bits() / 8)));
  if (!out) throw Error{Errc::exhausted, "out of memory for a netlink message"};
  nl_addr_set_prefixlen(out.get(), prefix);
  return out;
}

}  // namespace

void move_link(Netlink& netlink, const std::string& name, int netns, const std::string& new_name) {
  const OwnedLink from = link_of(netlink, name);
  const OwnedLink to(rtnl_link_alloc());
  if (!to) throw Error{Errc::exhausted, "out of memory for a netlink message"};
  rtnl_link_set_name(to.get(), new_name.c_str());
  rtnl_link_set_ns_fd(to.get(), netns);
  change(netlink, from.get(), to.get(), "move interface " + name + " to the container as " + new_name);
}

void set_mac(Netlink& netlink, const std::string& name, const std::string& mac) {
  const OwnedLink from = link_of(netlink, name);
  nl_addr* parsed = nullptr;
  if (nl_addr_parse(mac.c_str(), AF_LLC, &parsed) < 0) throw Error{Errc::invalid, "invalid MAC address " + mac};
  const OwnedAddress address(parsed);
  const OwnedLink to(rtnl_link_alloc());
  if (!to) throw Error{Errc::exhausted, "out of memory for a netlink message"};
  rtnl_link_set_addr(to.get(), address.get());
  change(netlink, from.get(), to.get(), "set the MAC address of " + name);
}

void add_route(Netlink& netlink, const std::string& name, const Subnet& to, const std::optional<Address>& gateway) {
  const OwnedLink link = link_of(netlink, name);
  const OwnedRoute route(rtnl_route_alloc());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (!route || hop == nullptr) throw Error{Errc::exhausted, "out of memory for a netlink message"};
  rtnl_route_nh_set_ifindex(hop, rtnl_link_get_ifindex(link.get()));
  if (gateway) rtnl_route_nh_set_gateway(hop, address_of(*gateway, gateway->bits()).get());
  rtnl_route_add_nexthop(route.get(), hop);
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(to.base.family));
  rtnl_route_set_scope(route.get(), gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
  const OwnedAddress target = address_of(to.base, to.prefix);
  expect(rtnl_route_set_dst(route.get(), target.get()), "route to " + to.text());
  const int failed = rtnl_route_add(netlink.socket(), route.get(), NLM_F_REPLACE);
  if (failed != -NLE_EXIST) expect(failed, "route to " + to.text());
}

std::string free_name(Netlink& netlink, const std::string& prefix) {
  for (int number = 0;; ++number) {
    std::string name = prefix + std::to_string(number);
    if (!netlink.find(name)) return name;
  }
}

}  // namespace gantry::net_link
