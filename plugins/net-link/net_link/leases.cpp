#include "net_link/leases.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::net_link {
namespace {

AddressPool make_pool(const FamilyPlan& plan) {
  AddressPool pool(plan.subnet, plan.range);
  if (plan.gateway) pool.take(*plan.gateway);
  for (const auto& [name, address] : plan.reserved) pool.take(address);
  return pool;
}

int family_of(const AddressPool& pool) { return pool.subnet().base.family; }

}  // namespace

Leases::Leases(std::string name, std::string id, std::vector<FamilyPlan> plans)
    : name_(std::move(name)), id_(std::move(id)), plans_(std::move(plans)) {
  for (const FamilyPlan& plan : plans_) pools_.push_back(make_pool(plan));
}

void Leases::keep(const Address& address) {
  const std::lock_guard lock(mutex_);
  for (AddressPool& pool : pools_) {
    if (pool.subnet().contains(address)) pool.take(address);
  }
}

Lease Leases::lease(const std::string& endpoint, const std::string& ipv4, const std::string& ipv6) {
  const std::lock_guard lock(mutex_);
  if (const auto found = leases_.find(endpoint); found != leases_.end()) return found->second;
  Lease out;
  out.ipv4 = lease_one(AF_INET, ipv4);
  try {
    out.ipv6 = lease_one(AF_INET6, ipv6);
  } catch (...) {
    give_back(out.ipv4);
    throw;
  }
  leases_[endpoint] = out;
  return out;
}

std::optional<Address> Leases::lease_one(int family, const std::string& asked) {
  if (!asked.empty()) return lease_asked(family, asked);
  bool configured = false;
  for (AddressPool& pool : pools_) {
    if (family_of(pool) != family) continue;
    if (auto address = pool.take()) return address;
    configured = true;
  }
  if (!configured) return std::nullopt;
  throw Error{Errc::exhausted, std::string("no available ") + (family == AF_INET ? "IPv4" : "IPv6") +
                                   " addresses on this network's address pools: " + name_ + " (" + id_ + ")"};
}

Address Leases::lease_asked(int family, const std::string& asked) {
  const auto is_ours = [&](const AddressPool& pool) { return family_of(pool) == family; };
  if (std::none_of(pools_.begin(), pools_.end(), is_ours)) {
    throw Error{Errc::invalid, "invalid endpoint settings:\nno configured subnet contains the IP address " + asked};
  }
  const auto address = parse_address(asked);
  for (AddressPool& pool : pools_) {
    if (!address || !pool.subnet().contains(*address)) continue;
    if (!pool.take(*address)) throw Error{Errc::denied, "Address already in use"};
    return *address;
  }
  throw Error{Errc::invalid,
              "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address " + asked};
}

void Leases::give_back(const std::optional<Address>& address) {
  if (!address) return;
  for (AddressPool& pool : pools_) {
    if (pool.subnet().contains(*address)) pool.release(*address);
  }
}

bool Leases::hand_over(const std::string& from, const std::string& to, const std::string& ipv4,
                       const std::string& ipv6) {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(from);
  if (found == leases_.end() || leases_.contains(to)) return false;
  const auto fits = [](const std::string& asked, const std::optional<Address>& had) {
    return asked.empty() || (had && had == parse_address(asked));
  };
  if (!fits(ipv4, found->second.ipv4) || !fits(ipv6, found->second.ipv6)) return false;
  auto node = leases_.extract(found);
  node.key() = to;
  leases_.insert(std::move(node));
  return true;
}

void Leases::release(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(endpoint);
  if (found == leases_.end()) return;
  give_back(found->second.ipv4);
  give_back(found->second.ipv6);
  leases_.erase(found);
}

/// Before each free address of its family.
bool Leases::comes_next(const Address& address) const {
  for (const AddressPool& pool : pools_) {
    if (family_of(pool) != address.family) continue;
    const auto free = pool.next();
    if (pool.subnet().contains(address)) return pool.gives(address) && (!free || address < *free);
    if (free) return false;
  }
  return false;
}

std::string Leases::next_among(const std::vector<std::string>& leaving) {
  const std::lock_guard lock(mutex_);
  std::string best;
  std::optional<Address> lowest;
  for (const std::string& endpoint : leaving) {
    const auto found = leases_.find(endpoint);
    if (found == leases_.end()) continue;
    const auto& address = found->second.ipv4 ? found->second.ipv4 : found->second.ipv6;
    if (!address || (lowest && *lowest < *address) || !comes_next(*address)) continue;
    best = endpoint;
    lowest = address;
  }
  return best;
}

const FamilyPlan* Leases::plan_of(const Address& address) const {
  const auto found =
      std::find_if(plans_.begin(), plans_.end(), [&](const FamilyPlan& plan) { return plan.subnet.contains(address); });
  return found == plans_.end() ? nullptr : &*found;
}

}  // namespace gantry::net_link
