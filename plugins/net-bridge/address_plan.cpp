#include "address_plan.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

using network::v1::NetworkSpec;
using network::v1::Pool;

[[noreturn]] void invalid(const std::string& message) {
  throw Error{Errc::invalid, "invalid network config:\n" + message};
}

/// An address that the bridge will not have, for containers that have no way out, is not taken from them.
bool needs_gateway(const NetworkSpec& spec, const NetworkOptions& options, int family) {
  if (options.mode(family) == GatewayMode::isolated || spec.leased) return false;
  return family != AF_INET || !options.inhibit_ipv4 || !spec.internal;
}

FamilyPlan bip_plan(const Cidr& bip) {
  FamilyPlan plan{bip.subnet(), std::nullopt, bip.address, {}};
  if (plan.gateway == plan.subnet.base) {
    invalid("invalid bip " + plan.subnet.text() + ": an address in it was expected");
  }
  return plan;
}

/// What the daemon's keys say about the default bridge: its address and subnet, and where its containers' addresses
/// come from. As with dockerd that is the subnet, too, where nothing else says what is.
void configure_default_bridge(std::optional<FamilyPlan>& plan, const std::optional<Cidr>& bip,
                              const std::optional<Subnet>& fixed) {
  if (bip) plan = bip_plan(*bip);
  if (plan) plan->range.reset();
  if (!fixed) return;
  if (bip && !plan->subnet.contains(*fixed)) {
    invalid("invalid ip-range " + fixed->text() + ": parent subnet " + plan->subnet.text() +
            " doesn't contain ip-range");
  }
  if (!plan || !plan->subnet.contains(*fixed)) plan = FamilyPlan{*fixed, std::nullopt, std::nullopt, {}};
  if (plan->subnet != *fixed) plan->range = *fixed;
}

void check_default_gateway(const std::optional<FamilyPlan>& plan, const std::optional<Address>& gateway) {
  if (!plan || !gateway || plan->subnet.contains(*gateway)) return;
  throw Error{Errc::invalid, "default gateway ip must be part of the network: " + gateway->text() + " is not in " +
                                 plan->subnet.text()};
}

}  // namespace

std::vector<Pool> AddressPlan::pools() const {
  std::vector<Pool> out;
  if (ipv4) out.push_back(ipv4->pool());
  if (ipv6) out.push_back(ipv6->pool());
  return out;
}

AddressPlan plan_addresses(const NetworkSpec& spec, const NetworkOptions& options, const Settings& settings,
                           const UsedSubnets& used) {
  AddressPlan plan;
  for (const Pool& pool : spec.pools) {
    if (pool.subnet.empty()) invalid("invalid subnet : invalid CIDR block notation");
    FamilyPlan family = family_plan(pool, used);
    auto& slot = family.subnet.base.family == AF_INET ? plan.ipv4 : plan.ipv6;
    if (slot && slot->subnet.overlaps(family.subnet)) {
      throw Error{Errc::denied, "Pool overlaps with other one on this address space"};
    }
    if (slot) throw Error{Errc::denied, "bridge driver doesn't support multiple subnets"};
    slot = std::move(family);
  }
  if (options.default_bridge) {
    configure_default_bridge(plan.ipv4, settings.bip, settings.fixed_cidr);
    configure_default_bridge(plan.ipv6, settings.bip6, settings.fixed_cidr6);
    check_default_gateway(plan.ipv4, settings.default_gateway);
    check_default_gateway(plan.ipv6, settings.default_gateway6);
  }
  if (spec.ipv4 && !plan.ipv4) plan.ipv4 = free_subnet(settings.sources, AF_INET, used);
  if (spec.ipv6 && !plan.ipv6) plan.ipv6 = free_subnet(settings.sources, AF_INET6, used);
  if (!spec.ipv6) plan.ipv6.reset();
  if (!spec.ipv4) plan.ipv4.reset();
  for (auto* family : {&plan.ipv4, &plan.ipv6}) {
    if (!*family) continue;
    FamilyPlan& chosen = **family;
    if (!chosen.gateway && needs_gateway(spec, options, chosen.subnet.base.family))
      chosen.gateway = first_address(chosen);
    check_each_is_free(chosen);
  }
  if (!plan.ipv4 && !plan.ipv6) throw Error{Errc::invalid, "IPv4 or IPv6 must be enabled"};
  return plan;
}

}  // namespace gantry::bridge
