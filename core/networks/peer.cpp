// Whether somebody who connects to the host is a container.

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "gantry/unique_fd.hpp"
#include "networks/address_block.hpp"
#include "networks/impl.hpp"

namespace gantry::networks {
namespace {

struct Peer {
  GivenAddress address;
  std::string interface;  ///< That a link-local address is on; empty: one of all links.
};

std::optional<Peer> peer_of(const sockaddr_storage& from) {
  Peer out;
  if (from.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from, sizeof v4);
    out.address.family = AF_INET;
    std::memcpy(out.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return out;
  }
  if (from.ss_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    out.address.family = AF_INET;
    std::memcpy(out.address.bytes.data(), &v6.sin6_addr.s6_addr[12], 4);
    return out;
  }
  out.address.family = AF_INET6;
  std::memcpy(out.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  char name[IF_NAMESIZE] = {};
  if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) && ::if_indextoname(v6.sin6_scope_id, name) != nullptr) out.interface = name;
  return out;
}

/// Whether an address is one of the host's own: only then can a socket be bound to it.
bool is_local(const GivenAddress& address) {
  const UniqueFd probe{::socket(address.family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (address.family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
  return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
}

/// Whether the host is the subnet's router, and the address another's in it: one that a container has, or has taken. On
/// a parent interface's subnet there are the host's own neighbours, too.
bool is_behind(const network::v1::Pool& pool, const GivenAddress& address) {
  const auto block = parse_block(pool.subnet);
  if (!block || block->address.family != address.family || !contains_address(*block, address)) return false;
  const auto gateway = parse_given(pool.gateway);
  return gateway && gateway->bytes != address.bytes && is_local(*gateway);
}

bool is_same(const std::string& text, const GivenAddress& address) {
  const auto given = parse_given(text);
  return given && given->family == address.family && given->bytes == address.bytes;
}

}  // namespace

std::string Service::network_of(const sockaddr_storage& address) const {
  const auto peer = peer_of(address);
  if (!peer) return {};
  for (const auto& [id, network] : impl_->networks.all()) {
    if (!peer->interface.empty() && peer->interface == network->interface) return network->name;
    const auto& pools = network->chosen;
    if (std::any_of(pools.begin(), pools.end(), [&](const auto& pool) { return is_behind(pool, peer->address); }))
      return network->name;
  }
  for (const auto& [container, place] : impl_->places) {
    for (const Endpoint& endpoint : place.endpoints) {
      if (is_same(endpoint.result.ipv4, peer->address) || is_same(endpoint.result.ipv6, peer->address))
        return endpoint.network_name;
    }
  }
  return {};
}

}  // namespace gantry::networks
