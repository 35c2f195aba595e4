#pragma once

#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/time.hpp"
#include "events/bus.hpp"
#include "gantry/network.hpp"
#include "plugins/drivers.hpp"
#include "state/store.hpp"

namespace gantry::networks {

struct Network {
  std::string id;
  std::string name;
  std::string driver;  ///< "bridge", "host", "null" or a third party's.
  Options options;
  std::map<std::string, std::string> labels;
  std::vector<network::v1::Pool> pools;   ///< As the user gave them.
  std::vector<network::v1::Pool> chosen;  ///< With what the driver chose.
  std::string interface;
  Nanoseconds created{};
  bool internal{};
  bool no_way_out{};  ///< The driver says so, without `internal`.
  bool attachable{};
  bool ipv6{};
  bool ipv4{true};
  std::string ipam_driver{"default"};
  std::optional<Options> ipam_options;
  bool config_only{};       ///< No network, only settings that others take over.
  std::string config_from;  ///< Name of the network whose settings these are.
};

/// What a user asks for a new network (API operation NetworkCreate).
struct NetworkRequest {
  std::string name;
  std::string driver;  ///< Empty: "bridge".
  Options options;
  std::map<std::string, std::string> labels;
  std::vector<network::v1::Pool> pools;
  bool internal{};
  bool no_way_out{};  ///< The driver says so, without `internal`.
  bool attachable{};
  bool ipv6{};
  bool ipv4{true};
  std::string ipam_driver{"default"};
  std::optional<Options> ipam_options;
  bool config_only{};       ///< No network, only settings that others take over.
  std::string config_from;  ///< Name of the network whose settings these are.
};

/// What a user asks for one container on one network (API: EndpointSettings).
struct EndpointRequest {
  std::string network;     ///< Name, id or unambiguous start of an id.
  std::string network_id;  ///< Where the container was on it before; for messages. May be empty.
  std::vector<std::string> aliases;
  std::vector<std::string> links;
  std::string ipv4;
  std::string ipv6;
  std::string mac;
  Options options;
  int gateway_priority{};
  std::vector<std::string> link_local;  ///< More addresses of the interface, chosen by the user.
};

/// A container's place on a network: what the API shows and what is on record while the container runs.
struct Endpoint {
  std::string id;
  std::string network_id;
  std::string network_name;
  std::string container_id;
  EndpointRequest request;
  network::v1::Endpoint result;
  std::string container_name;
  std::string hostname;                  ///< The container's; not on record, as `adopt` is told.
  std::string interface;                 ///< Inside the container; empty without a driver ("host", "none").
  std::vector<network::v1::Port> ports;  ///< As asked for; only on the endpoint with the default route.
  bool default_gateway{};
};

/// Everything that a container's start needs to know about its networks.
struct SandboxRequest {
  std::string container_id;
  std::string container_name;  ///< Without the slash; see `names_on`.
  std::string hostname;
  /// Of those that are not internal, the one with the greatest priority has the default route; among equals one with
  /// IPv4 and IPv6, then the one whose network's name comes first, as dockerd decides. So the interfaces are numbered,
  /// internal networks' last.
  std::vector<EndpointRequest> endpoints;
  std::vector<network::v1::Port> ports;  ///< Published on the endpoint with the default route.
  std::vector<std::string> dns;          ///< Where the resolver asks for other names; empty: the host's servers.
};

/// What the resolver answers for on a user-defined network: the container's name, its aliases, its short id and its
/// hostname, each once.
std::vector<std::string> names_on(const Endpoint& endpoint);

/// A running container's networks.
struct Sandbox {
  std::vector<Endpoint> endpoints;
  bool resolver{};  ///< Whether names resolve at 127.0.0.11 (user-defined networks): goes into resolv.conf.
};

/// A running container after the daemon's restart.
struct Adoption {
  Sandbox sandbox;
  std::vector<Endpoint> given_up;      ///< They were on record, but the container is not to have them.
  std::vector<std::string> undecided;  ///< Ids of networks that the container may be on: their driver is missing.
};

/// What the daemon's config says.
struct Settings {
  /// Of the default network: the user's own bridge; "none": there is no such network; empty: the daemon's.
  std::string bridge;
  bool default_ipv6{};                             ///< Whether the default bridge has IPv6.
  std::map<std::string, Options> default_options;  ///< By driver: of new networks that don't say otherwise.
};

/// What networks mean: the predefined ones (bridge, host, none), user-defined ones, endpoints, and names. Io thread
/// only. (What containers need comes first and keeps its shape; the rest belongs to api/networks.)
class Service {
 public:
  Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers);
  ~Service();

  /// Once at start, before anything else: makes the predefined networks if they are missing and asks the drivers to
  /// make or find all networks on record.
  awaitable<void> start(Settings settings = {});

  /// Once after `adopt` was called for every container that still runs: has the drivers give up what nobody has on
  /// record. `alive`: containers that may run though they were not adopted; they keep what they have.
  awaitable<void> reconcile(std::set<std::string> alive = {});

  /// Errors: not_found ("network x not found"), conflict if a start of an id is ambiguous.
  [[nodiscard]] std::shared_ptr<const Network> get(const std::string& name_or_id) const;

  /// Whether what is asked for can be given, as far as that can be told before the start; a network that does not exist
  /// may yet be made. Errors: invalid ("invalid endpoint settings: ...").
  void check(const EndpointRequest& asked) const;

  /// Joins a new sandbox to its networks and starts its resolver. `netns` belongs to the caller. All or nothing.
  awaitable<Sandbox> attach(SandboxRequest request, int netns);

  /// Joins a running container to one more network (`network connect`), or takes it off one (`network disconnect`).
  awaitable<Endpoint> connect(SandboxRequest request, EndpointRequest endpoint, int netns);
  awaitable<Endpoint> disconnect(std::string container_id, std::string network);

  /// Publishes other ports of a running container: those that stay keep the host's ports that they were given.
  /// Errors, after which nothing has changed: as of the driver's `attach`.
  awaitable<void> publish(std::string container_id, std::vector<network::v1::Port> ports);

  /// Takes a container that ended off all its networks. Succeeds if there is nothing.
  awaitable<void> detach(std::string container_id);

  /// After the daemon's restart, for each container that still runs: takes up its endpoints and its resolver again. An
  /// endpoint that `request` does not ask for is of a `connect` that did not come to its end: it is given up.
  awaitable<Adoption> adopt(SandboxRequest request, int netns);

  /// A running container's networks as they are now.
  [[nodiscard]] Sandbox sandbox(const std::string& container_id) const;

  /// The endpoints of a running container.
  [[nodiscard]] std::vector<Endpoint> endpoints(const std::string& container_id) const;

  /// The name of the network that who connects from there is a container on, or can only be a container on; empty: the
  /// host itself, or somebody else.
  [[nodiscard]] std::string network_of(const sockaddr_storage& address) const;

  /// After the new name's commit.
  void rename_container(const std::string& container_id, const std::string& name);

  [[nodiscard]] std::vector<std::shared_ptr<const Network>> list() const;  ///< Newest first.

  /// The endpoints of running containers on a network.
  [[nodiscard]] std::vector<Endpoint> members(const std::string& network_id) const;

  /// Errors: invalid, conflict (the name), denied (a subnet in use), not_found (the driver), in dockerd's words.
  awaitable<std::shared_ptr<const Network>> create(NetworkRequest request);

  /// Errors: not_found, denied (predefined, or containers run on it).
  awaitable<void> remove(std::string name_or_id);

  /// Removes the user-defined networks that no running container is on and `wanted` picks; answers their names.
  awaitable<std::vector<std::string>> prune(std::function<bool(const Network&)> wanted);

  using Prepare = std::function<awaitable<std::shared_ptr<plugins::Drivers::Successor>>()>;
  using Replace = std::function<void(plugins::Drivers::Successor& successor)>;

  /// What needs a network or IPAM driver ("network lan"); empty: nothing.
  [[nodiscard]] std::string user_of(const plugins::DriverInfo& driver) const;

  /// A driver's new version, which `prepare` makes, learns of its networks and of the containers on them, and takes
  /// over by `replace`; nobody joins or leaves a network meanwhile. Errors, after which the old one goes on: the new
  /// one's, and those of `replace`.
  awaitable<void> take_over(Prepare prepare, Replace replace);

  /// A driver that runs in a process of its own has crashed and been started again: what it knew it learns through
  /// `driver`, as far as that goes; the rest is logged.
  awaitable<void> relearn(plugins::NetworkDriver driver);
  awaitable<void> relearn(plugins::IpamDriver driver);

  [[nodiscard]] static bool predefined(const std::string& name);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::networks
