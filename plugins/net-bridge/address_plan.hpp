#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/family_plan.hpp"
#include "net_link_names.hpp"
#include "network_options.hpp"

namespace gantry::bridge {

struct AddressPlan {
  std::optional<FamilyPlan> ipv4;
  std::optional<FamilyPlan> ipv6;

  [[nodiscard]] std::vector<network::v1::Pool> pools() const;
};

/// Decides a network's subnets and gateways: the user's, checked, or free ones.
/// Errors: invalid, denied, exhausted, in dockerd's words.
AddressPlan plan_addresses(const network::v1::NetworkSpec& spec, const NetworkOptions& options,
                           const Settings& settings, const UsedSubnets& used);

}  // namespace gantry::bridge
