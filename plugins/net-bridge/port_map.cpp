#include "port_map.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

using network::v1::Port;

struct EphemeralRange {
  std::uint16_t first{32768};
  std::uint16_t last{60999};
};

EphemeralRange ephemeral_range() {
  EphemeralRange range;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> range.first >> range.last;
  return range;
}

std::string with_port(const Address& host, std::uint16_t port) {
  const std::string text = host.family == AF_INET6 ? "[" + host.text() + "]" : host.text();
  return text + ":" + std::to_string(port);
}

/// As Go names the errors that bind(2) gives.
std::string bind_error(int error) {
  switch (error) {
    case EADDRINUSE:
      return "address already in use";
    case EADDRNOTAVAIL:
      return "cannot assign requested address";
    case EACCES:
      return "permission denied";
    default:
      return std::strerror(error);
  }
}

struct SocketKind {
  int type;
  int protocol;
};

SocketKind socket_kind(const std::string& protocol) {
  if (protocol == "tcp") return {SOCK_STREAM, IPPROTO_TCP};
  if (protocol == "udp") return {SOCK_DGRAM, IPPROTO_UDP};
  if (protocol == "sctp") return {SOCK_STREAM, IPPROTO_SCTP};
  throw Error{Errc::invalid, "invalid proto: " + protocol};
}

sockaddr_storage socket_address(const Address& host, std::uint16_t port, socklen_t& size) {
  sockaddr_storage storage{};
  const auto bytes = host.bytes();
  if (host.family == AF_INET) {
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    std::memcpy(&address.sin_addr, bytes.data(), 4);
    size = sizeof address;
  } else {
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, bytes.data(), 16);
    size = sizeof address;
  }
  return storage;
}

/// Binds a socket that nobody can connect to. The descriptor, or minus errno.
int bind_socket(const std::string& protocol, const Address& host, std::uint16_t port) {
  const SocketKind kind = socket_kind(protocol);
  UniqueFd sock(::socket(host.family, kind.type | SOCK_CLOEXEC, kind.protocol));
  if (!sock) return -errno;
  const int on = 1;
  const int off = 0;
  if (host.family == AF_INET6) ::setsockopt(sock.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const bool tcp = protocol == "tcp";
  // Without SO_REUSEADDR the bind would fail for a minute after another program's connections on this port. Listening
  // for a moment is what makes the kernel check against programs that set it too; after shutdown(2) the port stays
  // bound.
  if (tcp) ::setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = 0;
  const sockaddr_storage address = socket_address(host, port, size);
  if (::bind(sock.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return -errno;
  if (tcp) {
    if (::listen(sock.get(), 1) != 0) return -errno;
    ::shutdown(sock.get(), SHUT_RDWR);
    ::setsockopt(sock.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
  }
  // libnftables waits by select(2), which ends the process at a descriptor that its sets have no bit for: the thousands
  // that only lie here leave it the low numbers.
  const int high = ::fcntl(sock.get(), F_DUPFD_CLOEXEC, FD_SETSIZE);
  return high >= 0 ? high : sock.release();
}

std::vector<Address> host_addresses(const Port& port, const std::string& default_host) {
  const std::string& asked = port.host_ip.empty() ? default_host : port.host_ip;
  if (asked.empty()) {
    std::vector<Address> all{{AF_INET, 0}};
    if (host_has_ipv6()) all.push_back({AF_INET6, 0});
    return all;
  }
  const auto address = parse_address(asked);
  if (!address) throw Error{Errc::invalid, "invalid host IP address " + asked};
  return {*address};
}

/// Where one port goes: addresses of the host's to bind, and families in which it is open at the container's own
/// address instead.
struct Places {
  std::vector<Address> all;
  std::vector<Address> bound;
};

bool is_routed(const Address& host, const Port& port, const Publication& publication, PortMap::Policy policy) {
  // After a restart a port without one of the host's is one that was routed.
  if (policy == PortMap::Policy::keep) return port.host_port == 0;
  return host.family == AF_INET ? publication.routed4 : publication.routed6;
}

Places places_of(const Port& port, const Publication& publication, PortMap::Policy policy) {
  Places out;
  for (const Address& host : host_addresses(port, publication.default_host)) {
    const bool routed = is_routed(host, port, publication, policy);
    const bool ipv4 = host.family == AF_INET;
    // [::] of a container without an IPv6 address is held: nobody else shall answer for it there.
    if (policy == PortMap::Policy::strict && (ipv4 ? !publication.inside4 : routed && !publication.inside6)) continue;
    out.all.push_back(routed ? Address{host.family, 0} : host);
    if (!routed) out.bound.push_back(host);
  }
  return out;
}

}  // namespace

std::vector<Port> PortMap::claim(const std::string& endpoint, const std::vector<Port>& wanted,
                                 const Publication& publication, Policy policy) {
  const std::lock_guard lock(mutex_);
  std::set<Key> held;
  if (const auto before = endpoints_.find(endpoint); before != endpoints_.end()) {
    for (const Claim& claim : before->second) held.insert(claim.key);
  }
  Claims claims;
  std::vector<Port> out;
  try {
    for (const Port& port : wanted) {
      const Places places = places_of(port, publication, policy);
      const std::uint16_t chosen =
          places.bound.empty() ? std::uint16_t{0} : choose(port, places.bound, policy, held, claims);
      for (const Address& host : places.all) {
        const bool bound = std::find(places.bound.begin(), places.bound.end(), host) != places.bound.end();
        out.push_back({port.protocol, port.container_port, host.text(), bound ? chosen : std::uint16_t{0}, 0});
      }
    }
  } catch (...) {
    drop(claims.fresh);
    throw;
  }
  replace(endpoint, std::move(claims));
  return out;
}

void PortMap::replace(const std::string& endpoint, Claims claims) {
  std::vector<Claim>& held = endpoints_[endpoint];
  const auto given_up =
      std::partition(held.begin(), held.end(), [&](const Claim& claim) { return claims.kept.contains(claim.key); });
  for (auto claim = given_up; claim != held.end(); ++claim) taken_.erase(claim->key);
  held.erase(given_up, held.end());
  std::move(claims.fresh.begin(), claims.fresh.end(), std::back_inserter(held));
}

std::uint16_t PortMap::choose(const Port& port, const std::vector<Address>& hosts, Policy policy,
                              const std::set<Key>& held, Claims& claims) {
  const bool ephemeral = port.host_port == 0;
  const EphemeralRange range = ephemeral ? ephemeral_range() : EphemeralRange{};
  const int tries =
      ephemeral ? range.last - range.first + 1 : std::max<int>(1, port.host_port_end - port.host_port + 1);
  for (int attempt = 0;; ++attempt) {
    const auto candidate =
        ephemeral ? next_ephemeral(port.protocol) : static_cast<std::uint16_t>(port.host_port + attempt);
    Claims found;
    try {
      for (const Address& host : hosts) {
        const Key key{port.protocol, host, candidate};
        const bool own = held.contains(key) && !claims.kept.contains(key) && found.kept.insert(key).second;
        if (!own) found.fresh.push_back(claim_one(key, policy));
      }
      claims.kept.merge(found.kept);
      std::move(found.fresh.begin(), found.fresh.end(), std::back_inserter(claims.fresh));
      return candidate;
    } catch (const Error& error) {
      drop(found.fresh);
      if (error.code() != Errc::exhausted || attempt + 1 >= tries) throw;
    }
  }
}

PortMap::Claim PortMap::claim_one(const Key& key, Policy policy) {
  const auto& [protocol, host, port] = key;
  if (taken_.contains(key)) {
    throw Error{Errc::exhausted,
                "Bind for " + host.text() + ":" + std::to_string(port) + " failed: port is already allocated"};
  }
  UniqueFd sock;
  const int bound = bind_socket(protocol, host, port);
  if (bound >= 0) {
    sock.reset(bound);
  } else if (policy == Policy::strict && bound != -EPROTONOSUPPORT) {  // a kernel without SCTP still forwards it
    const std::string network = protocol + (host.family == AF_INET ? "4" : "6");
    throw Error{bound == -EADDRINUSE ? Errc::exhausted : Errc::io, "Error starting userland proxy: listen " + network +
                                                                       " " + with_port(host, port) +
                                                                       ": bind: " + bind_error(-bound)};
  }
  taken_.insert(key);
  return {key, std::move(sock)};
}

std::uint16_t PortMap::next_ephemeral(const std::string& protocol) {
  const EphemeralRange range = ephemeral_range();
  auto& last = last_ephemeral_[protocol];
  last = last < range.first || last >= range.last ? range.first : static_cast<std::uint16_t>(last + 1);
  return last;
}

bool PortMap::holds(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  return endpoints_.contains(endpoint);
}

void PortMap::release(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto held = endpoints_.find(endpoint);
  if (held == endpoints_.end()) return;
  drop(held->second);
  endpoints_.erase(held);
}

void PortMap::drop(const std::vector<Claim>& claims) {
  for (const Claim& claim : claims) taken_.erase(claim.key);
}

bool host_has_ipv6() {
  const int bound = bind_socket("tcp", {AF_INET6, 1}, 0);
  if (bound < 0) return false;
  ::close(bound);
  return true;
}

}  // namespace gantry::bridge
