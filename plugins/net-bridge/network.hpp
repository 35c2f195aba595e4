#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "address_plan.hpp"
#include "gantry/network.hpp"
#include "network_options.hpp"
#include "nftables.hpp"
#include "port_map.hpp"

namespace gantry::bridge {

/// The addresses of one endpoint.
struct Lease {
  std::optional<Address> ipv4;
  std::optional<Address> ipv6;
};

/// A bridge and the addresses on it. Any thread.
class Network {
 public:
  Network(const network::v1::NetworkSpec& spec, NetworkOptions options, AddressPlan plan, const Settings& settings);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const NetworkOptions& options() const { return options_; }
  [[nodiscard]] const AddressPlan& plan() const { return plan_; }
  [[nodiscard]] bool internal() const { return internal_; }
  [[nodiscard]] BridgeRules rules() const;

  /// Where its containers' ports go.
  [[nodiscard]] Publication publication() const;

  /// The gateway of containers: none on an internal network.
  [[nodiscard]] std::optional<Address> gateway(int family) const;

  /// Gives addresses: those that are asked for by name, or the lowest free ones. The same again for an endpoint that
  /// has some. Errors, in dockerd's words: invalid, denied (in use), exhausted.
  Lease lease(const std::string& endpoint, const std::string& ipv4, const std::string& ipv6);

  void release(const std::string& endpoint);

 private:
  std::optional<Address> lease_one(std::optional<AddressPool>& pool, const std::string& asked);

  std::string id_;
  std::string name_;
  NetworkOptions options_;
  AddressPlan plan_;
  bool internal_;
  std::optional<Address> other_gateway4_;  ///< default-gateway of the default bridge.
  std::optional<Address> other_gateway6_;  ///< default-gateway-v6.
  std::mutex mutex_;
  std::optional<AddressPool> pool4_;
  std::optional<AddressPool> pool6_;
  std::map<std::string, Lease> leases_;
};

}  // namespace gantry::bridge
