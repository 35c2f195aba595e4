#include "net_link/family_plan.hpp"

#include <sys/socket.h>

#include "gantry/error.hpp"

namespace gantry::net_link {
namespace {

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

}  // namespace

Pool FamilyPlan::pool() const {
  Pool out{subnet.text(), range ? range->text() : "", gateway ? gateway->text() : "", {}};
  for (const auto& [name, address] : reserved) out.reserved.emplace_back(name, address.text());
  return out;
}

FamilyPlan family_plan(const Pool& pool, const UsedSubnets& used) {
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
    if (range->prefix < plan.subnet.prefix) {
      const std::string bigger =
          "invalid ip-range " + pool.ip_range + ": CIDR block is bigger than its parent subnet " + plan.subnet.text();
      if (range->subnet().base == range->address) invalid(bigger);
      invalid("* " + bigger + "\n* invalid ip-range " + pool.ip_range + ": it should be " + range->subnet().text());
    }
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

FamilyPlan free_subnet(const std::vector<SubnetSource>& sources, int family, const UsedSubnets& used) {
  std::vector<Subnet> taken = used.networks;
  const std::vector<Subnet> host = used.host();
  taken.insert(taken.end(), host.begin(), host.end());
  auto subnet = choose_subnet(sources, family, taken);
  if (!subnet && family == AF_INET6) {
    constexpr int kNetwork = 64;
    subnet = choose_subnet({{unique_local_prefix(machine_id()), kNetwork}}, family, taken);
  }
  if (!subnet) {
    throw Error{Errc::exhausted, std::string("could not find an available, non-overlapping ") +
                                     (family == AF_INET ? "IPv4" : "IPv6") +
                                     " address pool among the defaults to assign to the network"};
  }
  return {*subnet, std::nullopt, std::nullopt, {}};
}

Address first_address(const FamilyPlan& plan) {
  AddressPool pool(plan.subnet, plan.range);
  const auto first = pool.take();
  if (!first) throw Error{Errc::exhausted, "subnet " + plan.subnet.text() + " has no address for a gateway"};
  return *first;
}

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

}  // namespace gantry::net_link
