#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "address_pool.hpp"
#include "gantry/network.hpp"
#include "network_options.hpp"

namespace gantry::bridge {

/// One family of a network's addresses, decided.
struct FamilyPlan {
  Subnet subnet;
  std::optional<Subnet> range;
  std::optional<Address> gateway;  ///< The bridge's own address; an isolated network has none.
  std::vector<std::pair<std::string, Address>> reserved;

  [[nodiscard]] network::v1::Pool pool() const;
};

struct AddressPlan {
  std::optional<FamilyPlan> ipv4;
  std::optional<FamilyPlan> ipv6;

  [[nodiscard]] std::vector<network::v1::Pool> pools() const;
};

/// What is in the way of a subnet.
struct UsedSubnets {
  std::vector<Subnet> networks;               ///< Of our other networks: never overlapped.
  std::function<std::vector<Subnet>()> host;  ///< Addresses and routes: avoided when we choose. Asked at most once.
};

/// Decides a network's subnets and gateways: the user's, checked, or free ones.
/// Errors: invalid, denied, exhausted, in dockerd's words.
AddressPlan plan_addresses(const network::v1::NetworkSpec& spec, const NetworkOptions& options,
                           const Settings& settings, const UsedSubnets& used);

}  // namespace gantry::bridge
