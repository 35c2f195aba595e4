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

Address inside(const std::string& what, const std::string& text, const Subnet& subnet) {
  const auto address = parse_address(text);
  if (!address) invalid("invalid " + what + " " + text + ": invalid address");
  if (!subnet.contains(*address)) {
    invalid("invalid " + what + " " + text + ": parent subnet " + subnet.text() + " doesn't contain this address");
  }
  return *address;
}

/// The first address that a container could get, as dockerd gives it to the bridge.
Address first_address(const FamilyPlan& plan) {
  AddressPool pool(plan.subnet, plan.range);
  for (const auto& [name, address] : plan.reserved) pool.take(address);
  const auto first = pool.take();
  if (!first) throw Error{Errc::exhausted, "subnet " + plan.subnet.text() + " has no address for a gateway"};
  return *first;
}

/// The gateway and the reserved addresses are taken one after the other, as a container's would be.
void check_each_is_free(const FamilyPlan& plan) {
  AddressPool pool(plan.subnet, plan.range);
  if (plan.gateway && !pool.take(*plan.gateway)) {
    throw Error{Errc::denied, "failed to allocate gateway (" + plan.gateway->text() + "): Address already in use"};
  }
  for (const auto& [name, address] : plan.reserved) {
    if (pool.take(address)) continue;
    throw Error{Errc::denied, "failed to allocate secondary ip address (" + name + ":" + address.text() +
                                  "): Address already in use"};
  }
}

/// An address that the bridge will not have, for containers that have no way out, is not taken from them.
bool needs_gateway(const NetworkSpec& spec, const NetworkOptions& options, int family) {
  if (options.mode(family) == GatewayMode::isolated) return false;
  return family != AF_INET || !options.inhibit_ipv4 || !spec.internal;
}

FamilyPlan from_pool(const Pool& pool, const UsedSubnets& used) {
  const auto cidr = parse_cidr(pool.subnet);
  if (!cidr) invalid("invalid subnet " + pool.subnet + ": invalid CIDR block notation");
  FamilyPlan plan{cidr->subnet(), std::nullopt, std::nullopt, {}};
  if (plan.subnet.base != cidr->address) {
    invalid("invalid subnet " + pool.subnet + ": it should be " + plan.subnet.text());
  }
  for (const Subnet& other : used.networks) {
    if (other.overlaps(plan.subnet)) throw Error{Errc::denied, "Pool overlaps with other one on this address space"};
  }
  if (!pool.ip_range.empty()) {
    const auto range = parse_cidr(pool.ip_range);
    if (!range) invalid("invalid ip-range " + pool.ip_range + ": invalid CIDR block notation");
    if (!plan.subnet.contains(range->subnet())) {
      invalid("invalid ip-range " + pool.ip_range + ": parent subnet " + plan.subnet.text() +
              " doesn't contain ip-range");
    }
    if (range->subnet().base != range->address) {
      invalid("invalid ip-range " + pool.ip_range + ": it should be " + range->subnet().text());
    }
    plan.range = range->subnet();
  }
  for (const auto& [name, address] : pool.reserved) {
    const auto parsed = parse_address(address);
    if (!parsed || !plan.subnet.contains(*parsed)) {
      invalid("invalid auxiliary address " + name + ": parent subnet " + plan.subnet.text() +
              " doesn't contain this address");
    }
    plan.reserved.emplace_back(name, *parsed);
  }
  if (!pool.gateway.empty()) plan.gateway = inside("gateway", pool.gateway, plan.subnet);
  return plan;
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

FamilyPlan free_subnet(const std::vector<SubnetSource>& sources, int family, const UsedSubnets& used) {
  std::vector<Subnet> taken = used.networks;
  const std::vector<Subnet> host = used.host();
  taken.insert(taken.end(), host.begin(), host.end());
  auto subnet = choose_subnet(sources, family, taken);
  if (!subnet && family == AF_INET6) {
    subnet = random_unique_local_subnet();
  } else if (!subnet) {
    throw Error{
        Errc::exhausted,
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"};
  }
  return {*subnet, std::nullopt, std::nullopt, {}};
}

}  // namespace

Pool FamilyPlan::pool() const {
  Pool out{subnet.text(), range ? range->text() : "", gateway ? gateway->text() : "", {}};
  for (const auto& [name, address] : reserved) out.reserved.emplace_back(name, address.text());
  return out;
}

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
    FamilyPlan family = from_pool(pool, used);
    auto& slot = family.subnet.base.family == AF_INET ? plan.ipv4 : plan.ipv6;
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
