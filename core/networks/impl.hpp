#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "networks/name_index.hpp"
#include "networks/namespace_thread.hpp"
#include "networks/resolver.hpp"
#include "networks/service.hpp"
#include "networks/shared_gate.hpp"

namespace gantry::networks {

std::string to_record(const Network& network);
void from_record(const std::string& body, Network& network);
std::string to_record(const Endpoint& endpoint);
void from_record(const std::string& body, Endpoint& endpoint);

/// The sandbox's descriptor for calls that may outlive the caller.
using SharedFd = std::shared_ptr<UniqueFd>;
SharedFd duplicate(int netns);

struct Service::Impl {
  Impl(state::Store& store_, events::Bus& bus_, plugins::Drivers& drivers_, Workers& workers_);

  using NetworkPtr = std::shared_ptr<const Network>;

  /// A running container.
  struct Place {
    std::string name;
    std::vector<Endpoint> endpoints;
    std::vector<network::v1::Port> ports;
    std::vector<std::string> dns;
    std::map<std::string, int> numbered;  ///< See count_interface.
    std::unique_ptr<Resolver> resolver;
    SharedFd netns = std::make_shared<UniqueFd>();  ///< Kept until the detach, for changes of the default route.
  };

  /// The running containers by their ids. Whoever gets one that can be changed is taken to have changed it, before
  /// anybody else has a turn: so it is known when what was made of them is out of date.
  class Places {
   public:
    using Map = std::map<std::string, Place>;

    Place& operator[](const std::string& id) { return changed()[id]; }
    Place& at(const std::string& id) { return changed().at(id); }
    Map::iterator find(const std::string& id) { return changed().find(id); }
    void erase(const std::string& id) { changed().erase(id); }

    [[nodiscard]] Map::const_iterator find(const std::string& id) const { return all_.find(id); }
    [[nodiscard]] Map::const_iterator begin() const { return all_.begin(); }
    [[nodiscard]] Map::const_iterator end() const { return all_.end(); }
    [[nodiscard]] bool contains(const std::string& id) const { return all_.contains(id); }

    /// Made anew after a change.
    [[nodiscard]] const NameIndex& names_on(const std::string& network_id) const;

   private:
    Map& changed() {
      names_.clear();
      return all_;
    }

    Map all_;
    mutable std::map<std::string, NameIndex> names_;  ///< By network; those that were asked for since the last change.
  };

  // networks: service.cpp
  [[nodiscard]] NetworkPtr find_name(const std::string& name) const;
  void add_predefined();
  awaitable<void> drop_default_bridge();
  void take_settings(NetworkRequest& request) const;
  awaitable<Network> ask_driver_to_create(Network network);
  awaitable<void> ask_driver_to_remove(Network network);
  NetworkPtr commit(Network network);
  void publish(const std::string& action, const Network& network, const std::string& container_id = {});
  awaitable<network::v1::Network> make_in_driver(Network network, plugins::NetworkDriver driver,
                                                 std::vector<network::v1::Pool> pools);
  /// Has each driver give up networks that are not on record, and endpoints that are none of these.
  awaitable<void> give_up_all_but(std::set<std::string> endpoint_ids);
  awaitable<void> give_up_unknown(std::string driver, std::set<std::string> endpoint_ids);

  // addresses: ipam.cpp
  /// Whether an IPAM driver gives the network's addresses, not the network's own.
  [[nodiscard]] static bool is_leased(const Network& network);
  /// The drivers are open.
  void check_ipam(const Network& network, const plugins::NetworkDriver& driver) const;
  [[nodiscard]] std::vector<std::string> other_subnets(const Network& network) const;
  awaitable<std::vector<network::v1::Pool>> acquire_pools(Network network, plugins::IpamDriver driver);
  awaitable<void> release_pools(Network network);
  awaitable<network::v1::EndpointSpec> acquire_addresses(NetworkPtr network, plugins::IpamDriver driver,
                                                         network::v1::EndpointSpec spec);
  awaitable<void> release_addresses(Endpoint endpoint);
  awaitable<void> release_unknown(std::string driver);

  // other versions of drivers: successors.cpp
  /// `spared`: a network or an endpoint that it does not take is logged, and the others follow.
  awaitable<void> teach(std::string name, plugins::NetworkDriver driver, bool spared);
  awaitable<void> teach(std::string name, plugins::IpamDriver driver, bool spared);
  [[nodiscard]] std::vector<std::pair<Endpoint, SharedFd>> all_placed() const;

  // endpoints: endpoint.cpp
  [[nodiscard]] bool has_driver(const Network& network) const;
  awaitable<void> look_up_drivers(std::vector<EndpointRequest> wanted);
  [[nodiscard]] Endpoint plan(const SandboxRequest& request, const EndpointRequest& asked, const Place& place) const;
  awaitable<Endpoint> join(Endpoint endpoint, SharedFd netns);
  awaitable<void> leave(Endpoint endpoint);
  awaitable<void> prepare_loopback(SharedFd netns);
  void commit(const std::vector<Endpoint>& endpoints);

  // after the daemon's restart: adoption.cpp
  /// Answers the ids of networks of which nothing can be said now.
  std::vector<std::string> add_driverless(const SandboxRequest& request, Place& place) const;
  awaitable<Endpoint> take_up(Endpoint endpoint, SharedFd netns);
  awaitable<void> give_up(std::vector<Endpoint> endpoints);
  /// A change of networks may have been cut off before the default route had gone to where it belongs.
  awaitable<void> find_gateway(std::string container_id);

  // interfaces: interfaces.cpp
  /// In the order in which their interfaces are numbered.
  void sort_by_rank(std::vector<EndpointRequest>& wanted) const;
  void choose_gateway(Place& place) const;
  /// After the endpoints of a container have changed: ports and the default route go to where they belong now.
  awaitable<void> move_gateway(std::string container_id, std::string from);

  // names: names.cpp
  [[nodiscard]] bool needs_resolver(const Place& place) const;
  [[nodiscard]] bool has_way_out(const Place& place) const;
  /// `again`: its sandbox had one of a daemon before this one.
  awaitable<void> start_resolver(std::string container_id, bool again = false);
  [[nodiscard]] std::optional<NameAnswer> resolve(const std::string& container_id, const std::string& name) const;
  [[nodiscard]] std::optional<std::string> name_of(const std::string& container_id, const std::string& address) const;

  state::Store& store;
  events::Bus& bus;
  plugins::Drivers& drivers;
  Workers& workers;
  Settings config;  ///< The daemon's.
  state::Table<Network> networks;
  state::Table<Endpoint> endpoints;
  Places places;
  std::set<std::string> leaving;  ///< Networks whose driver is about to remove them.
  AsyncMutex creation;            ///< Networks are made and removed one at a time.
  SharedGate gate;                ///< Closed while a driver's new version takes over.
  std::shared_ptr<NamespaceThread> namespaces = std::make_shared<NamespaceThread>();
};

/// What a driver gets to know of a network and of an endpoint.
inline constexpr const char* kNoDriver = "null";

// request.cpp
/// dockerd: a network's settings are its own or another's, not both.
bool has_settings(const NetworkRequest& request);
/// Errors: invalid; denied; unavailable.
void check_request(const NetworkRequest& request);
/// As with dockerd this option is stronger than the request's own member. Errors: invalid.
void take_ipv6_option(NetworkRequest& request);
Network new_network(NetworkRequest request);

network::v1::NetworkSpec spec_of(const Network& network, const plugins::DriverInfo& driver);
network::v1::EndpointSpec spec_of(const Endpoint& endpoint);

/// The name of the interface of a container on a network. Errors: denied (another network of the container has it).
/// `numbered`: how many interfaces of a prefix the container has had.
std::string interface_of(const SandboxRequest& request, const EndpointRequest& asked, const Network& network,
                         const std::vector<Endpoint>& others, const std::map<std::string, int>& numbered);

/// Counts an interface: as with dockerd its number is not given again while the container runs.
void count_interface(const std::string& name, std::map<std::string, int>& numbered);

/// How long a driver may take: those that stand for somebody else's program are not waited for for ever.
plugins::CallSettings call_settings(const plugins::DriverInfo& driver);

/// The name that a user asks for an interface inside (com.docker.network.endpoint.ifname); empty: none.
std::string asked_interface(const EndpointRequest& asked);

/// All that is wrong with what a user gives for a network; what is IPv6 without `ipv6` is not looked at.
/// Errors: invalid.
void check_pools(const std::string& name, const std::vector<network::v1::Pool>& pools, bool ipv6);

/// That its link-local addresses are some; asked when it joins, as by dockerd. Errors: invalid.
void check_link_local(const EndpointRequest& asked);

/// `network`: as far as it is known. Errors: invalid.
void check_endpoint(const Network* network, const EndpointRequest& asked);

}  // namespace gantry::networks
