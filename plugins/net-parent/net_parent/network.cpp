#include "net_parent/network.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "gantry/error.hpp"
#include "net_parent/parent_interface.hpp"

namespace gantry::net_parent {

using net_link::Address;
using net_link::FamilyPlan;
using net_link::Subnet;
using network::v1::NetworkSpec;
using network::v1::Pool;

Network::Network(const NetworkSpec& spec, std::string parent, LinkMode mode, std::vector<FamilyPlan> plans)
    : id_(spec.id),
      parent_(std::move(parent)),
      mode_(std::move(mode)),
      // Without a parent there is nobody outside, as dockerd has it.
      internal_(spec.internal || parent_ == placeholder_name(spec.id)),
      ipv6_(spec.ipv6),
      leases_(spec.name, spec.id, std::move(plans)) {}

std::vector<Pool> Network::pools() const {
  std::vector<Pool> out;
  for (const FamilyPlan& plan : leases_.plans()) out.push_back(plan.pool());
  return out;
}

std::optional<Address> Network::gateway(const Address& address) const {
  const FamilyPlan* plan = leases_.plan_of(address);
  if (plan == nullptr || internal_ || mode_.routed) return std::nullopt;
  return plan->gateway;
}

std::vector<FamilyPlan> plan_addresses(const NetworkSpec& spec, const std::vector<net_link::SubnetSource>& sources,
                                       net_link::UsedSubnets used) {
  std::vector<FamilyPlan> plans;
  if (spec.unaddressed) return plans;
  const auto add = [&](FamilyPlan plan) {
    if (!plan.gateway && !spec.leased) plan.gateway = net_link::first_address(plan);
    net_link::check_each_is_free(plan);
    used.networks.push_back(plan.subnet);
    plans.push_back(std::move(plan));
  };
  const auto wanted = [&](int family) { return family == AF_INET ? spec.ipv4 : spec.ipv6; };
  for (const Pool& pool : spec.pools) {
    FamilyPlan plan = net_link::family_plan(pool, used);
    if (wanted(plan.subnet.base.family)) add(std::move(plan));
  }
  for (const int family : {AF_INET, AF_INET6}) {
    const bool has = std::any_of(plans.begin(), plans.end(),
                                 [&](const FamilyPlan& plan) { return plan.subnet.base.family == family; });
    if (wanted(family) && !has) add(net_link::free_subnet(sources, family, used));
  }
  return plans;
}

}  // namespace gantry::net_parent
