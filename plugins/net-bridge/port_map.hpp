#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "gantry/network.hpp"
#include "gantry/unique_fd.hpp"
#include "net_link/address.hpp"
#include "net_link_names.hpp"

namespace gantry::bridge {

/// Where the ports of a network's containers go.
struct Publication {
  std::string default_host{};  ///< For ports without a host address; empty: 0.0.0.0 and, where there is IPv6, [::].
  bool routed4{};              ///< No port of the host's is taken: they are open at the containers' own addresses.
  bool routed6{};
  bool inside4{true};  ///< Containers have IPv4 addresses.
  bool inside6{};      ///< They have IPv6 addresses.
};

/// The host's ports that endpoints hold: each is bound by a socket of ours, so that another program can't take it and a
/// busy one is reported. The sockets serve nobody: nftables redirects what comes.
class PortMap {
 public:
  /// What is in the way of a port decides whether a claim fails.
  enum class Policy {
    strict,
    keep,  ///< After a restart the rule stands already: who took the port meanwhile gets no traffic.
  };

  /// Claims all of `wanted` or none for an endpoint, and says which they are: one entry for each address, with its
  /// port; 0 where it is routed. What the endpoint held before is kept where it is wanted still, and else given up once
  /// all is claimed. Errors, after which it holds what it held: exhausted, in dockerd's words; invalid.
  std::vector<network::v1::Port> claim(const std::string& endpoint, const std::vector<network::v1::Port>& wanted,
                                       const Publication& publication, Policy policy);

  [[nodiscard]] bool holds(const std::string& endpoint);
  void release(const std::string& endpoint);

 private:
  using Key = std::tuple<std::string, Address, std::uint16_t>;
  struct Claim {
    Key key;
    UniqueFd socket;
  };
  /// The claims of one call: new ones, and the keys of those that the endpoint has already and keeps.
  struct Claims {
    std::vector<Claim> fresh;
    std::set<Key> kept;
  };

  std::uint16_t choose(const network::v1::Port& port, const std::vector<Address>& hosts, Policy policy,
                       const std::set<Key>& held, Claims& claims);
  /// One that nobody has yet, nor the endpoint. Errors: as of `claim`.
  Claim claim_one(const Key& key, Policy policy);
  void replace(const std::string& endpoint, Claims claims);
  std::uint16_t next_ephemeral(const std::string& protocol);
  void drop(const std::vector<Claim>& claims);

  std::mutex mutex_;
  std::map<std::string, std::vector<Claim>> endpoints_;
  std::set<Key> taken_;
  std::map<std::string, std::uint16_t> last_ephemeral_;
};

/// Whether sockets can listen on IPv6 here.
bool host_has_ipv6();

}  // namespace gantry::bridge
