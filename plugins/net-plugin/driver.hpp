#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "docker_plugin/client.hpp"
#include "gantry/network.hpp"
#include "gantry/unique_fd.hpp"
#include "net_link/leases.hpp"
#include "net_link/namespace_thread.hpp"
#include "record.hpp"

namespace gantry::net_plugin {

/// Networks of a plugin that speaks Docker's legacy remote driver protocol: the daemon opens one of these for each
/// plugin that somebody names. Addresses are ours, interfaces the plugin's.
class Driver : public network::v1::Driver {
 public:
  void capabilities(Capabilities& out) const override;
  void options(std::vector<OptionInfo>& out) const override;
  void open(Host& host) override;

  void create_network(const network::v1::NetworkSpec& spec, network::v1::Network& out, const Call& call) override;
  void remove_network(const std::string& network_id, const Call& call) override;
  void attach(const network::v1::EndpointSpec& spec, int netns, network::v1::Endpoint& out, const Call& call) override;
  void detach(const std::string& network_id, const std::string& endpoint_id, const Call& call) override;
  void list(network::v1::Holdings& out, const Call& call) override;

 private:
  /// A network and who has which of its addresses.
  struct Network {
    Network(const NetworkRecord& known, std::vector<net_link::FamilyPlan> plans)
        : record(known), leases(known.name, known.id, std::move(plans)) {}

    NetworkRecord record;
    net_link::Leases leases;
  };
  using NetworkPtr = std::shared_ptr<Network>;

  [[nodiscard]] docker_plugin::Client& plugin() const;
  NetworkPtr find(const std::string& network_id);
  NetworkPtr take_up(const NetworkRecord& record);
  [[nodiscard]] NetworkRecord plan(const network::v1::NetworkSpec& spec);
  EndpointRecord plan(Network& network, const network::v1::EndpointSpec& spec,
                      const std::optional<EndpointRecord>& before) const;
  void join(const network::v1::EndpointSpec& spec, int netns, EndpointRecord& record, const Call& call);
  void set_external(const network::v1::EndpointSpec& spec, EndpointRecord& record, const Call& call);
  bool tell(const std::string& method, const nlohmann::json& message, const Call& call) const;
  void take_away(const EndpointRecord& record, const Call& call);
  [[nodiscard]] UniqueFd sandbox_of(const EndpointRecord& record);

  std::unique_ptr<docker_plugin::Client> plugin_;  ///< None: this one only stands for those to come.
  std::optional<Records> records_;
  std::optional<net_link::NamespaceThread> namespaces_;
  std::mutex creation_;  ///< Networks are planned one at a time; before `mutex_`.
  std::mutex mutex_;
  std::map<std::string, NetworkPtr> networks_;
  std::map<std::string, UniqueFd> sandboxes_;  ///< Of endpoints, until they are detached.
};

}  // namespace gantry::net_plugin
