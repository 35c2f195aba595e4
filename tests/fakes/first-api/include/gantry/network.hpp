#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/driver.hpp"

/// Network drivers join containers' network namespaces ("sandboxes") to networks.
///
/// Life of a network:    create_network -> (attach -> detach)* -> remove_network.
/// After the daemon's restart it calls create_network again for each network and attach again for each endpoint whose
/// container still runs, with the addresses that it has on record; then it detaches and removes what else `list` names.
///
/// Capabilities that the daemon looks for:
///   "host-namespace"  containers stay in the host's network namespace; attach is not called.
///   "port-publish"    attach publishes ports.
///   "scope-global"    as for volumes.
namespace gantry::network::v1 {

/// One address pool (API: IPAMConfig). All in text form; empty is "choose". Frozen.
struct Pool {
  std::string subnet;    ///< CIDR: "172.18.0.0/16".
  std::string ip_range;  ///< CIDR inside of subnet: addresses are given from here.
  std::string gateway;
  std::vector<std::pair<std::string, std::string>> reserved;  ///< Name to address: not to be given.
};

/// What the user asked for. May grow at its end.
struct NetworkSpec {
  std::string id;    ///< 64 hex digits.
  std::string name;
  Options options;   ///< Driver options of scope `object`, checked against the names in `options()`.
  std::vector<Pool> pools;
  bool internal{};   ///< No way out of the network.
  bool ipv6{};
  bool ipv4{true};
};

/// What came of it. May grow at its end.
struct Network {
  std::vector<Pool> pools;  ///< With subnet and gateway filled in.
  std::string interface;    ///< The host's, if there is one.
};

/// One published port. Frozen.
struct Port {
  std::string protocol;            ///< "tcp", "udp", "sctp".
  std::uint16_t container_port{};
  std::string host_ip;             ///< Empty: all addresses.
  std::uint16_t host_port{};       ///< 0: choose one.
  std::uint16_t host_port_end{};   ///< With host_port a range to choose from; 0: just host_port.
};

/// What the user asked for one container on one network. May grow at its end.
struct EndpointSpec {
  std::string id;            ///< 64 hex digits.
  std::string network_id;
  std::string container_id;
  std::string interface;     ///< Name inside the container: "eth0".
  std::string mac;           ///< Empty: choose.
  std::string ipv4;          ///< Empty: choose.
  std::string ipv6;
  std::vector<Port> ports;
  Options options;           ///< API: EndpointSettings.DriverOpts.
  bool default_gateway{};    ///< Whether the container's default route goes through this network.
};

/// What came of it. May grow at its end.
struct Endpoint {
  std::string mac;
  std::string ipv4;       ///< Without prefix length.
  int ipv4_prefix{};
  std::string ipv4_gateway;
  std::string ipv6;
  int ipv6_prefix{};
  std::string ipv6_gateway;
  std::vector<Port> ports;  ///< With host_port filled in; one entry for each address family and address.
};

/// The endpoints of one network. Frozen.
struct Endpoints {
  std::string network_id;
  std::vector<std::string> endpoint_ids;
};

/// What the driver holds in the kernel and on disk. May grow at its end.
struct Holdings {
  std::vector<Endpoints> networks;
};

/// Calls block; calls for different networks and endpoints may come at once, never two for the same.
class Driver : public gantry::Driver {
 public:
  static constexpr const char* kKind = "network";
  static constexpr std::uint16_t kMajor = 1;
  static constexpr std::uint16_t kMinor = 0;

  /// Makes a network, or finds it as it is (see above). Chooses subnets that no interface, route or other network of
  /// this host uses.
  /// Errors: invalid (a pool, an option), conflict (a subnet in use), exhausted (no free subnet), io.
  virtual void create_network(const NetworkSpec& spec, Network& out, const Call& call) = 0;

  /// Removes a network. Succeeds if there is none. The daemon calls it only when no endpoint is left.
  virtual void remove_network(const std::string& network_id, const Call& call) = 0;

  /// Joins the sandbox to the network: interface, addresses, routes, published ports. `netns` is a descriptor of the
  /// sandbox's network namespace; the caller owns it. All or nothing. Repeating it with the same addresses finds the
  /// endpoint as it is.
  /// Errors: not_found (network), invalid (an address outside of the subnet), conflict (an address or a port in use:
  /// the message is dockerd's), exhausted (no free address), io.
  virtual void attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& call) = 0;

  /// Takes the endpoint away, also when its sandbox is gone. Succeeds if there is none.
  virtual void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) = 0;

  /// What the driver holds.
  virtual void list(Holdings& out, const Call& call) = 0;
};

}  // namespace gantry::network::v1
