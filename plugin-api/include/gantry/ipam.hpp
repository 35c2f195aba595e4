#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"
#include "gantry/network.hpp"

/// IPAM drivers decide which addresses networks and containers have, where a network's own driver does not
/// (API: IPAM.Driver; "default" is the network driver's own, "null" are none).
///
/// Life of a network's addresses:
///     acquire_pools -> (acquire_addresses -> release_addresses)* -> release_pools.
/// Pools are acquired before the network driver makes the network, addresses before it attaches an endpoint, and both
/// are released after it has let go of them. After the daemon's restart it repeats acquire_pools for each network and
/// acquire_addresses for each endpoint whose container still runs, with what it has on record; then it releases what
/// else `list` names.
///
/// Capabilities that the daemon looks for:
///   "needs-mac"      acquire_addresses has to know the endpoint's MAC address: the daemon chooses one if the user does
///   not. "any-options"    the options of a network (`--ipam-opt`) are the driver's own to check. "named-plugins"  as
///   for volumes.
namespace gantry::ipam::v1 {

/// A network that is to have addresses. May grow at its end.
struct NetworkRequest {
  std::string id;  ///< 64 hex digits.
  std::string name;
  Options options;                       ///< API: IPAM.Options.
  Options network_options;               ///< Those of the network itself: they say what it stands on.
  std::vector<network::v1::Pool> pools;  ///< As the user gave them; repeated, as they were acquired.
  bool ipv4{};
  bool ipv6{};
  std::vector<std::string> taken;  ///< The subnets of the host's other networks.
};

/// A container that is to have addresses of a network. May grow at its end.
struct EndpointRequest {
  std::string id;  ///< 64 hex digits.
  std::string network_id;
  std::string container_id;
  std::string container_name;
  std::string mac;   ///< Empty: not known yet.
  std::string ipv4;  ///< As the user wants it, or as it was acquired; empty: choose.
  std::string ipv6;
};

/// An endpoint's addresses, without prefix length; empty: none. May grow at its end.
struct Addresses {
  std::string ipv4;
  std::string ipv6;
};

/// What the driver has given. May grow at its end.
struct Holdings {
  std::vector<network::v1::Endpoints> networks;
};

/// Calls block; calls for different networks and endpoints may come at once, never two for the same.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "ipam";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Answers the network's pools: each has a subnet, and a gateway unless there is none. All or nothing. Repeating it
  /// with the same pools finds them as they are.
  /// Errors: invalid (a pool, an option), denied (a subnet in use), exhausted, unavailable, io.
  virtual void acquire_pools(const NetworkRequest& request, std::vector<network::v1::Pool>& out, const Call& call) = 0;

  /// Succeeds if there are none.
  virtual void release_pools(const std::string& network_id, const Call& call) = 0;

  /// Gives an endpoint one address of each family that the network has. All or nothing. Repeating it finds the same.
  /// Errors, in dockerd's words: not_found (network), denied (an address in use), exhausted (no free address), invalid,
  /// unavailable, io.
  virtual void acquire_addresses(const EndpointRequest& request, Addresses& out, const Call& call) = 0;

  /// Succeeds if there are none. It is called on the way out of a container.
  virtual void release_addresses(const std::string& network_id, const std::string& endpoint_id, const Call& call) = 0;

  /// What the driver has given.
  virtual void list(Holdings& out, const Call& call) = 0;
};

}  // namespace gantry::ipam::v1
