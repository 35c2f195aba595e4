#pragma once

#include <optional>
#include <string>

#include "address_plan.hpp"
#include "gantry/network.hpp"
#include "net_link/leases.hpp"
#include "network_options.hpp"
#include "nftables.hpp"
#include "port_map.hpp"

namespace gantry::bridge {

/// A bridge and the addresses on it. Any thread.
class Network {
 public:
  Network(const network::v1::NetworkSpec& spec, NetworkOptions options, AddressPlan plan, const Settings& settings);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const NetworkOptions& options() const { return options_; }
  [[nodiscard]] const AddressPlan& plan() const { return plan_; }
  [[nodiscard]] bool internal() const { return internal_; }
  /// Whether an IPAM driver gives the addresses.
  [[nodiscard]] bool leased() const { return leased_; }
  [[nodiscard]] BridgeRules rules() const;

  /// Where its containers' ports go.
  [[nodiscard]] Publication publication() const;

  /// The gateway of containers: none on an internal network.
  [[nodiscard]] std::optional<Address> gateway(int family) const;

  [[nodiscard]] Leases& leases() { return leases_; }

 private:
  std::string id_;
  NetworkOptions options_;
  AddressPlan plan_;
  bool internal_;
  bool leased_;
  std::optional<Address> other_gateway4_;  ///< default-gateway of the default bridge.
  std::optional<Address> other_gateway6_;  ///< default-gateway-v6.
  Leases leases_;
};

}  // namespace gantry::bridge
