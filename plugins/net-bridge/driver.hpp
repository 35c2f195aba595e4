#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "gantry/network.hpp"
#include "net_link/link.hpp"
#include "net_link/namespace_thread.hpp"
#include "net_link/reaper.hpp"
#include "net_link_names.hpp"
#include "network.hpp"
#include "nftables.hpp"
#include "port_map.hpp"
#include "record.hpp"
#include "table_watch.hpp"

namespace gantry::bridge {

/// Networks as Linux bridges, endpoints as veth pairs, published ports as elements of nftables maps.
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
  using NetworkPtr = std::shared_ptr<Network>;

  [[nodiscard]] NetworkPtr find(const std::string& network_id);
  [[nodiscard]] static std::vector<network::v1::Pool> pools_of(int bridge);
  NetworkPtr make_network(const network::v1::NetworkSpec& spec);
  void check_interface_is_free(const network::v1::NetworkSpec& spec, const std::string& interface);
  [[nodiscard]] UsedSubnets used_subnets(const network::v1::NetworkSpec& spec, int except);
  void make_bridge(const Network& network, const std::optional<NetworkRecord>& before);
  void shield_host(const Network& network, bool owned) const;
  void give_addresses(Netlink& netlink, const Network& network, int bridge, bool had_others) const;
  void ensure_base_rules();
  void ensure_sender_rules();
  void drop_sender_rules_unless_needed();
  void change_rules(const std::string& commands);
  void change_port_rules(const std::string& commands);
  void see_to_rules(TableWatch::Change change);
  void tell_of_foreign_rules();
  void mend_rules();
  void put_rules_back();
  void write_all_rules();
  [[nodiscard]] BaseRules base() const;
  [[nodiscard]] std::string all_rules();
  [[nodiscard]] BridgeRules bridge_rules(const Network& network) const;
  [[nodiscard]] std::vector<PortRule> rules_of(const EndpointRecord& record) const;
  void forward_packets(const Network& network);
  void switch_forwarding_on(int family, const std::string& sysctl);

  Lease lease(Network& network, const network::v1::EndpointSpec& spec, const std::optional<EndpointRecord>& before);
  EndpointRecord plan_endpoint(const Network& network, const network::v1::EndpointSpec& spec, const Lease& lease) const;
  void publish(const Network& network, const network::v1::EndpointSpec& spec,
               const std::optional<EndpointRecord>& before, EndpointRecord& record);
  void bind_sender(const std::optional<EndpointRecord>& before, const EndpointRecord& record);
  void unbind_sender(const EndpointRecord& record) noexcept;
  void let_own_packets_through(const Network& network, const EndpointRecord& record) const;
  void unpublish(const EndpointRecord& record);
  void note_latest(const network::v1::EndpointSpec& spec);
  /// The endpoint that its container had on the network last, if any.
  std::string latest_of(const network::v1::EndpointSpec& spec);
  std::string predecessor_of(Network& network, const network::v1::EndpointSpec& spec);
  void inherit(Network& network, const network::v1::EndpointSpec& spec);
  void give_back(const EndpointRecord& before, const EndpointRecord& failed) noexcept;
  /// Puts the record down, too.
  void join(const Network& network, const network::v1::EndpointSpec& spec, const std::optional<EndpointRecord>& before,
            EndpointRecord& record, int netns);
  void remove_endpoint(const EndpointRecord& record);
  void take_away(const EndpointRecord& record) noexcept;

  Host* host_ = nullptr;
  Settings settings_;
  std::optional<Records> records_;
  std::optional<Nftables> nftables_;  ///< None with iptables=false.
  std::optional<NamespaceThread> namespaces_;
  PortMap ports_;

  std::mutex creation_;  ///< Networks are made and removed one at a time; before `mutex_`.
  bool base_rules_ = false;
  bool loopback6_ = false;     ///< Whether ports are published on [::1].
  bool sender_rules_ = false;  ///< Whether the table of the family bridge is there: some network has it.
  int rule_count_ = 0;         ///< Of the base rules: fewer are there if somebody took some away.
  std::mutex port_rules_;      ///< Held while ports' elements change; after `creation_`.
  std::mutex mutex_;
  std::map<std::string, NetworkPtr> networks_;
  std::map<std::pair<std::string, std::string>, std::string> latest_;  ///< Endpoints by network and container.

  std::string warned_of_;  ///< Other tables that are in the way, as the operator was told.

  std::optional<Reaper> reaper_;     ///< Behind the others: what it still has to do needs them.
  std::optional<TableWatch> watch_;  ///< The last one, for the same reason.
};

}  // namespace gantry::bridge
