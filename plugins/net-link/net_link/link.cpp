#include "net_link/link.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::net_link {
namespace {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* object) const {
    Release(object);
  }
};

using LinkObject = std::unique_ptr<rtnl_link, Releaser<rtnl_link_put>>;
using AddrObject = std::unique_ptr<rtnl_addr, Releaser<rtnl_addr_put>>;
using RouteObject = std::unique_ptr<rtnl_route, Releaser<rtnl_route_put>>;
using NlAddr = std::unique_ptr<nl_addr, Releaser<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Releaser<nl_cache_free>>;

void check(int result, const std::string& what) {
  if (result < 0) throw Error{Errc::io, what + ": " + nl_geterror(result)};
}

template <class T>
T allocated(T object) {
  if (!object) throw Error{Errc::exhausted, "out of memory for a netlink message"};
  return object;
}

NlAddr make_address(const Address& address, int prefix) {
  const auto bytes = address.bytes();
  NlAddr out =
      allocated(NlAddr(nl_addr_build(address.family, bytes.data(), static_cast<std::size_t>(address.bits() / 8))));
  nl_addr_set_prefixlen(out.get(), prefix);
  return out;
}

NlAddr make_mac(const std::string& text) {
  nl_addr* parsed = nullptr;
  if (nl_addr_parse(text.c_str(), AF_LLC, &parsed) < 0) {
    throw Error{Errc::invalid, "invalid MAC address " + text};
  }
  return NlAddr(parsed);
}

std::string mac_text(nl_addr* address) {
  if (address == nullptr || nl_addr_get_len(address) != 6) return {};
  std::array<char, 32> text{};
  return nl_addr2str(address, text.data(), text.size());
}

/// Nothing for the family's default route or an address of another family.
std::optional<Subnet> subnet_from(nl_addr* address) {
  if (address == nullptr) return std::nullopt;
  const int family = nl_addr_get_family(address);
  const int prefix = static_cast<int>(nl_addr_get_prefixlen(address));
  if ((family != AF_INET && family != AF_INET6) || prefix == 0) return std::nullopt;
  if (nl_addr_get_len(address) < (family == AF_INET ? 4U : 16U)) return std::nullopt;
  return subnet_of(from_bytes(family, nl_addr_get_binary_addr(address)), prefix);
}

template <class Visit>
void for_each(nl_cache* cache, Visit visit) {
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr; object = nl_cache_get_next(object)) {
    visit(object);
  }
}

/// Tells when an interface changes.
class LinkEvents {
 public:
  LinkEvents() : socket_(allocated(nl_socket_alloc())) {
    check(nl_connect(socket_.get(), NETLINK_ROUTE), "open a netlink socket");
    check(nl_socket_add_membership(socket_.get(), RTNLGRP_LINK), "listen to the kernel's interfaces");
  }

  void wait(std::chrono::milliseconds limit) {
    pollfd ready{nl_socket_get_fd(socket_.get()), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(limit.count())) != 1) return;
    std::array<char, 16384> ignored{};
    while (::recv(ready.fd, ignored.data(), ignored.size(), MSG_DONTWAIT) > 0) continue;
  }

 private:
  std::unique_ptr<nl_sock, Releaser<nl_socket_free>> socket_;
};

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const { nl_socket_free(socket); }

Netlink::Netlink() : socket_(allocated(nl_socket_alloc())) {
  check(nl_connect(socket_.get(), NETLINK_ROUTE), "open a netlink socket");
}

Netlink::~Netlink() = default;

std::optional<Link> Netlink::find(const std::string& name) {
  rtnl_link* found = nullptr;
  const int result = rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &found);
  if (result == -NLE_OBJ_NOTFOUND || result == -NLE_NODEV) return std::nullopt;
  check(result, "look up interface " + name);
  const LinkObject link(found);
  const char* kind = rtnl_link_get_type(found);
  return Link{rtnl_link_get_ifindex(found),
              kind == nullptr ? "" : kind,
              rtnl_link_get_master(found),
              (rtnl_link_get_flags(found) & IFF_UP) != 0,
              rtnl_link_get_operstate(found) == IF_OPER_UP,
              mac_text(rtnl_link_get_addr(found))};
}

void Netlink::add_bridge(const std::string& name, int mtu) {
  const LinkObject link = allocated(LinkObject(rtnl_link_bridge_alloc()));
  rtnl_link_set_name(link.get(), name.c_str());
  // Else the bridge takes the least MAC of its ports, and the containers' ARP tables go stale whenever one leaves.
  rtnl_link_set_addr(link.get(), make_mac(random_mac()).get());
  if (mtu > 0) rtnl_link_set_mtu(link.get(), static_cast<unsigned>(mtu));
  const int result = rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result == -NLE_EXIST) throw Error{Errc::denied, "interface " + name + " exists already"};
  check(result, "make bridge " + name);
}

void Netlink::add_veth(const VethSpec& spec) {
  const LinkObject link = allocated(LinkObject(rtnl_link_veth_alloc()));
  const LinkObject peer(rtnl_link_veth_get_peer(link.get()));
  rtnl_link_set_name(link.get(), spec.host_name.c_str());
  rtnl_link_set_master(link.get(), spec.bridge_index);
  rtnl_link_set_flags(link.get(), IFF_UP);
  rtnl_link_set_name(peer.get(), spec.sandbox_name.c_str());
  rtnl_link_set_addr(peer.get(), make_mac(spec.sandbox_mac).get());
  rtnl_link_set_ns_fd(peer.get(), spec.netns);
  if (spec.mtu > 0) {
    rtnl_link_set_mtu(link.get(), static_cast<unsigned>(spec.mtu));
    rtnl_link_set_mtu(peer.get(), static_cast<unsigned>(spec.mtu));
  }
  int result = rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result == -NLE_EXIST && find(spec.host_name)) {
    remove(spec.host_name);
    result = rtnl_link_add(socket_.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  }
  check(result, "make interface " + spec.sandbox_name);
  if (!spec.isolated) return;
  try {
    set_port(spec.host_name, IFLA_BRPORT_ISOLATED);
  } catch (const Error&) {
    remove(spec.host_name);
    throw;
  }
}

void Netlink::remove(const std::string& name) {
  const LinkObject link = allocated(LinkObject(rtnl_link_alloc()));
  rtnl_link_set_name(link.get(), name.c_str());
  const int result = rtnl_link_delete(socket_.get(), link.get());
  if (result == -NLE_OBJ_NOTFOUND || result == -NLE_NODEV) return;
  check(result, "remove interface " + name);
}

void Netlink::set_up(int index) {
  const LinkObject link = allocated(LinkObject(rtnl_link_alloc()));
  rtnl_link_set_ifindex(link.get(), index);
  const LinkObject change = allocated(LinkObject(rtnl_link_alloc()));
  rtnl_link_set_flags(change.get(), IFF_UP);
  check(rtnl_link_change(socket_.get(), link.get(), change.get(), 0), "set an interface up");
}

void Netlink::set_down(int index) {
  const LinkObject link = allocated(LinkObject(rtnl_link_alloc()));
  rtnl_link_set_ifindex(link.get(), index);
  const LinkObject change = allocated(LinkObject(rtnl_link_alloc()));
  rtnl_link_unset_flags(change.get(), IFF_UP);
  check(rtnl_link_change(socket_.get(), link.get(), change.get(), 0), "set an interface down");
}

void Netlink::wait_until_running(const std::string& name) {
  // Since Linux 6.14 the question itself makes the kernel finish what it has put off.
  const auto running = [&] { return find(name).value_or(Link{}).running; };
  if (running()) return;
  LinkEvents events;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (!running() && std::chrono::steady_clock::now() < deadline) events.wait(std::chrono::milliseconds(100));
}

void Netlink::add_address(int index, const Cidr& address) {
  const AddrObject object = allocated(AddrObject(rtnl_addr_alloc()));
  rtnl_addr_set_ifindex(object.get(), index);
  rtnl_addr_set_family(object.get(), address.address.family);
  check(rtnl_addr_set_local(object.get(), make_address(address.address, address.prefix).get()), "set an address");
  if (address.address.family == AF_INET) {
    rtnl_addr_set_broadcast(object.get(), make_address(address.subnet().last(), 32).get());
  } else {
    rtnl_addr_set_flags(object.get(), IFA_F_NODAD);  // usable at once
  }
  const int result = rtnl_addr_add(socket_.get(), object.get(), 0);
  if (result != -NLE_EXIST) check(result, "add address " + address.address.text());
}

void Netlink::keep_addresses(int index, const std::vector<Cidr>& wanted) {
  nl_cache* filled = nullptr;
  check(rtnl_addr_alloc_cache(socket_.get(), &filled), "list an interface's addresses");
  const Cache cache(filled);
  for_each(filled, [&](nl_object* object) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    nl_addr* local = rtnl_addr_get_local(address);
    if (rtnl_addr_get_ifindex(address) != index || local == nullptr) return;
    if (rtnl_addr_get_scope(address) == RT_SCOPE_LINK) return;
    const Address held = from_bytes(nl_addr_get_family(local), nl_addr_get_binary_addr(local));
    const int prefix = static_cast<int>(nl_addr_get_prefixlen(local));
    const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const Cidr& one) { return one.address == held && one.prefix == prefix; });
    if (stays) return;
    const int result = rtnl_addr_delete(socket_.get(), address, 0);
    if (result != -NLE_NOADDR) check(result, "take address " + held.text() + " away");
  });
}

void Netlink::set_default_route(int index, const Address& gateway) {
  const RouteObject route = allocated(RouteObject(rtnl_route_alloc()));
  const Address any{gateway.family, 0};
  rtnl_route_set_family(route.get(), static_cast<std::uint8_t>(gateway.family));
  check(rtnl_route_set_dst(route.get(), make_address(any, 0).get()), "set a route's destination");
  rtnl_nexthop* hop = allocated(rtnl_route_nh_alloc());
  rtnl_route_nh_set_ifindex(hop, index);
  if (gateway.unspecified()) {
    rtnl_route_set_scope(route.get(), RT_SCOPE_LINK);
  } else {
    rtnl_route_nh_set_gateway(hop, make_address(gateway, gateway.bits()).get());
  }
  rtnl_route_add_nexthop(route.get(), hop);  // owns it from here on
  check(rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE | NLM_F_REPLACE), "set the default route");
}

void Netlink::route_loopback6(int index) {
  constexpr std::uint32_t kBehindTheKernelsOwn = 2048;
  const RouteObject route = allocated(RouteObject(rtnl_route_alloc()));
  const Address loopback{AF_INET6, 1};
  rtnl_route_set_family(route.get(), AF_INET6);
  rtnl_route_set_table(route.get(), RT_TABLE_LOCAL);
  rtnl_route_set_scope(route.get(), RT_SCOPE_HOST);
  rtnl_route_set_priority(route.get(), kBehindTheKernelsOwn);
  check(rtnl_route_set_type(route.get(), RTN_LOCAL), "set a route's type");
  check(rtnl_route_set_dst(route.get(), make_address(loopback, loopback.bits()).get()), "set a route's destination");
  rtnl_nexthop* hop = allocated(rtnl_route_nh_alloc());
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_add_nexthop(route.get(), hop);  // owns it from here on
  const int result = rtnl_route_add(socket_.get(), route.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (result != -NLE_EXIST) check(result, "route [::1]");
}

std::vector<Subnet> Netlink::used_subnets(int except) {
  std::vector<Subnet> used;
  nl_cache* filled = nullptr;
  check(rtnl_addr_alloc_cache(socket_.get(), &filled), "list this host's addresses");
  const Cache addresses_cache(filled);
  for_each(filled, [&](nl_object* object) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    if (rtnl_addr_get_ifindex(address) == except) return;
    if (const auto subnet = subnet_from(rtnl_addr_get_local(address))) used.push_back(*subnet);
  });
  check(rtnl_route_alloc_cache(socket_.get(), AF_UNSPEC, 0, &filled), "list this host's routes");
  const Cache routes_cache(filled);
  for_each(filled, [&](nl_object* object) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    rtnl_nexthop* hop = rtnl_route_get_nnexthops(route) == 1 ? rtnl_route_nexthop_n(route, 0) : nullptr;
    if (except != 0 && hop != nullptr && rtnl_route_nh_get_ifindex(hop) == except) return;
    if (const auto subnet = subnet_from(rtnl_route_get_dst(route))) used.push_back(*subnet);
  });
  return used;
}

std::vector<Address> Netlink::addresses(int index) {
  std::vector<Address> out;
  nl_cache* filled = nullptr;
  check(rtnl_addr_alloc_cache(socket_.get(), &filled), "list an interface's addresses");
  const Cache cache(filled);
  for_each(filled, [&](nl_object* object) {
    auto* address = reinterpret_cast<rtnl_addr*>(object);
    nl_addr* local = rtnl_addr_get_local(address);
    if (rtnl_addr_get_ifindex(address) != index || local == nullptr) return;
    out.push_back(from_bytes(nl_addr_get_family(local), nl_addr_get_binary_addr(local)));
  });
  return out;
}

void check_interface(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  });
  if (name.empty() || name.size() >= IFNAMSIZ || !plain || name == "." || name == "..") {
    throw Error{Errc::invalid,
                "invalid interface name \"" + name + "\": 1 to 15 letters, digits, '-', '_' or '.' are possible"};
  }
}

std::string mac_of(const Address& address) {
  auto bytes = address.bytes();
  if (address.family == AF_INET6) {
    std::uint32_t hash = 2166136261;  // FNV-1a
    for (const auto byte : bytes) hash = (hash ^ byte) * 16777619;
    for (std::size_t at = 0; at < 4; ++at) bytes[at] = static_cast<std::uint8_t>(hash >> (8 * at));
  }
  char text[18];
  std::snprintf(text, sizeof text, "02:42:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3]);
  return text;
}

std::string random_mac() {
  Address random{AF_INET, 0};
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) throw Error{Errc::io, "no random numbers for a MAC address"};
  random.value = bits;
  return mac_of(random);
}

std::string read_sysctl(const std::string& name) {
  std::ifstream file("/proc/sys/net/" + name);
  std::string value;
  std::getline(file, value);
  return value;
}

bool write_sysctl(const std::string& name, const std::string& value) {
  const std::string path = "/proc/sys/net/" + name;
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return false;
  return ::write(file.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

}  // namespace gantry::net_link
