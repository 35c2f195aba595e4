#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/address_pool.hpp"

namespace gantry::net_link {

/// One family of a network's addresses, decided.
struct FamilyPlan {
  Subnet subnet;
  std::optional<Subnet> range;
  std::optional<Address> gateway;  ///< The bridge's own address; an isolated network has none.
  std::vector<std::pair<std::string, Address>> reserved;

  [[nodiscard]] network::v1::Pool pool() const;
};

/// What is in the way of a subnet.
struct UsedSubnets {
  std::vector<Subnet> networks;               ///< Of our other networks: never overlapped.
  std::function<std::vector<Subnet>()> host;  ///< Addresses and routes: avoided when we choose. Asked at most once.
};

/// The user's pool, checked. Errors: invalid, denied (it overlaps a network of ours), in dockerd's words.
FamilyPlan family_plan(const network::v1::Pool& pool, const UsedSubnets& used);

/// A subnet that nobody uses. Errors: exhausted.
FamilyPlan free_subnet(const std::vector<SubnetSource>& sources, int family, const UsedSubnets& used);

/// The first address that a container could get, as dockerd gives it to the gateway. Errors: exhausted.
Address first_address(const FamilyPlan& plan);

/// The gateway and the reserved addresses are taken one after the other, as a container's would be. Errors: denied.
void check_each_is_free(const FamilyPlan& plan);

}  // namespace gantry::net_link
