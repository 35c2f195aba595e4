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
///   "no-interface"    containers have their loopback and nothing else; attach is not called.
///   "no-addresses"    networks without addresses can be made: `NetworkSpec::unaddressed`.
///   "port-publish"    attach publishes ports; "nftables": by rules of nftables (API: FirewallBackend).
///   "shared-mac"      endpoints have their parent's MAC address: none may be asked for.
///   "any-options"     a network's options are the driver's own to check: it gets all of them.
///   "named-plugins"   as for volumes.
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
  std::string id;  ///< 64 hex digits.
  std::string name;
  Options options;  ///< Those of scope `object` that `options()` names; others are left out, as dockerd ignores them.
  std::vector<Pool> pools;
  bool internal{};  ///< No way out of the network.
  bool ipv6{};
  bool ipv4{true};
  /// Endpoints get an interface and no address (API: IPAM driver "null"): whoever is inside asks a DHCP server.
  bool unaddressed{};
  std::vector<std::string> taken;  ///< The subnets of the host's other networks, of whatever driver.
  /// Addresses come from elsewhere (an IPAM driver): each endpoint is attached with its own, and a pool that has no
  /// gateway gets none.
  bool leased{};
};

/// What came of it. May grow at its end.
struct Network {
  std::vector<Pool> pools;  ///< With subnet and gateway filled in.
  std::string interface;    ///< The host's, if there is one.
  /// Nobody outside of it is ever reached, though `internal` was not asked for: so the default route and ports are
  /// another network's, and the host asks no name server for its containers. Since 1.2.
  bool no_way_out{};
};

/// One published port. Frozen.
struct Port {
  std::string protocol;  ///< "tcp", "udp", "sctp".
  std::uint16_t container_port{};
  std::string host_ip;            ///< Empty: all addresses.
  std::uint16_t host_port{};      ///< 0: choose one.
  std::uint16_t host_port_end{};  ///< With host_port a range to choose from; 0: just host_port.
};

/// What the user asked for one container on one network. May grow at its end.
struct EndpointSpec {
  std::string id;  ///< 64 hex digits.
  std::string network_id;
  std::string container_id;
  std::string interface;  ///< Name inside the container: "eth0".
  std::string mac;        ///< Empty: choose.
  std::string ipv4;       ///< Empty: choose.
  std::string ipv6;
  std::vector<Port> ports;
  Options options;             ///< API: EndpointSettings.DriverOpts.
  bool default_gateway{};      ///< Whether the container's default route goes through this network.
  std::string container_name;  ///< For messages.
  /// More addresses of the interface, in text form, without prefix length; their subnet is the driver's to know.
  std::vector<std::string> link_local;
};

/// What came of it. May grow at its end.
struct Endpoint {
  std::string mac;
  std::string ipv4;  ///< Without prefix length.
  int ipv4_prefix{};
  std::string ipv4_gateway;  ///< Empty where the network has none for containers.
  std::string ipv6;
  int ipv6_prefix{};
  std::string ipv6_gateway;  ///< Likewise.
  /// With host_port filled in, one entry for each address family and address; 0 where the port is reached at the
  /// container's own address (routed), not at one of the host's.
  std::vector<Port> ports;
  std::string interface;  ///< Its name inside the container, where it is another one than was asked for. Since 1.1.
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
  static constexpr std::uint16_t kMinor = 2;

  /// Makes a network, or finds it as it is (see above). Chooses subnets that no interface, route or other network of
  /// this host uses.
  /// The daemon fills in what it has on record (`pools` with subnet and gateway) when it repeats the call.
  /// Errors: invalid (a pool, an option), denied (a subnet or an interface in use), exhausted (no free subnet), io.
  virtual void create_network(const NetworkSpec& spec, Network& out, const Call& call) = 0;

  /// Removes a network. Succeeds if there is none. The daemon calls it only when no endpoint is left.
  virtual void remove_network(const std::string& network_id, const Call& call) = 0;

  /// Joins the sandbox to the network: interface, addresses, routes, published ports. `netns` is a descriptor of the
  /// sandbox's network namespace; the caller owns it. All or nothing. Repeating it with the same addresses finds the
  /// endpoint as it is, but for the default route and the published ports, which become what `spec` says.
  /// Errors, in dockerd's words: not_found (network), invalid (an address outside of the subnet), denied (an address in
  /// use), exhausted (no free address; a port in use), io.
  virtual void attach(const EndpointSpec& spec, int netns, Endpoint& out, const Call& call) = 0;

  /// Takes the endpoint away, also when its sandbox is gone. Succeeds if there is none. It is called on the way out of
  /// a container, so it may leave the kernel's slow part (an interface's end) to a thread of the driver's own.
  virtual void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) = 0;

  /// What the driver holds.
  virtual void list(Holdings& out, const Call& call) = 0;
};

}  // namespace gantry::network::v1
