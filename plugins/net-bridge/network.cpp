#include "network.hpp"

#include <sys/socket.h>

#include <utility>

#include "gantry/error.hpp"

namespace gantry::bridge {
namespace {

AddressPool make_pool(const FamilyPlan& plan) {
  AddressPool pool(plan.subnet, plan.range);
  if (plan.gateway) pool.take(*plan.gateway);
  for (const auto& [name, address] : plan.reserved) pool.take(address);
  return pool;
}

}  // namespace

Network::Network(const network::v1::NetworkSpec& spec, NetworkOptions options, AddressPlan plan,
                 const Settings& settings)
    : id_(spec.id), name_(spec.name), options_(std::move(options)), plan_(std::move(plan)), internal_(spec.internal) {
  if (plan_.ipv4) pool4_ = make_pool(*plan_.ipv4);
  if (plan_.ipv6) pool6_ = make_pool(*plan_.ipv6);
  if (!options_.default_bridge) return;
  if (pool4_ && settings.default_gateway) other_gateway4_ = settings.default_gateway;
  if (pool6_ && settings.default_gateway6) other_gateway6_ = settings.default_gateway6;
  if (other_gateway4_) pool4_->take(*other_gateway4_);
  if (other_gateway6_) pool6_->take(*other_gateway6_);
}

BridgeRules Network::rules() const {
  const auto translated = [&](GatewayMode mode) {
    return options_.masquerade && !internal_ && mode != GatewayMode::routed;
  };
  BridgeRules out;
  out.interface = options_.interface;
  out.internal = internal_;
  out.icc = options_.icc;
  out.ipv4 = {translated(options_.mode4), options_.mode4 == GatewayMode::routed,
              options_.mode4 == GatewayMode::unprotected};
  out.ipv6 = {translated(options_.mode6), options_.mode6 == GatewayMode::routed,
              options_.mode6 == GatewayMode::unprotected};
  return out;
}

Publication Network::publication() const {
  Publication out;
  out.default_host = options_.default_host_ip;
  out.routed4 = options_.mode4 == GatewayMode::routed;
  // Without an IPv6 address inside there is nothing that IPv6 could lead to but what IPv4 does.
  out.routed6 = plan_.ipv6 ? options_.mode6 == GatewayMode::routed : out.routed4;
  out.inside4 = plan_.ipv4.has_value();
  out.inside6 = plan_.ipv6.has_value();
  return out;
}

std::optional<Address> Network::gateway(int family) const {
  const auto& plan = family == AF_INET ? plan_.ipv4 : plan_.ipv6;
  if (internal_ || !plan) return std::nullopt;
  const auto& other = family == AF_INET ? other_gateway4_ : other_gateway6_;
  return other ? other : plan->gateway;
}

Lease Network::lease(const std::string& endpoint, const std::string& ipv4, const std::string& ipv6) {
  const std::lock_guard lock(mutex_);
  if (const auto found = leases_.find(endpoint); found != leases_.end()) return found->second;
  Lease out;
  out.ipv4 = lease_one(pool4_, ipv4);
  try {
    out.ipv6 = lease_one(pool6_, ipv6);
  } catch (...) {
    if (out.ipv4) pool4_->release(*out.ipv4);
    throw;
  }
  leases_[endpoint] = out;
  return out;
}

std::optional<Address> Network::lease_one(std::optional<AddressPool>& pool, const std::string& asked) {
  if (!pool) {
    if (asked.empty()) return std::nullopt;
    throw Error{Errc::invalid, "invalid endpoint settings:\nno configured subnet contains the IP address " + asked};
  }
  if (asked.empty()) {
    const auto address = pool->take();
    const char* family = pool->subnet().base.family == AF_INET ? "IPv4" : "IPv6";
    if (!address) {
      throw Error{Errc::exhausted, std::string("no available ") + family +
                                       " addresses on this network's address pools: " + name_ + " (" + id_ + ")"};
    }
    return address;
  }
  const auto address = parse_address(asked);
  if (!address || !pool->subnet().contains(*address)) {
    throw Error{Errc::invalid,
                "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address " + asked};
  }
  if (!pool->take(*address)) throw Error{Errc::denied, "Address already in use"};
  return address;
}

void Network::release(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  const auto found = leases_.find(endpoint);
  if (found == leases_.end()) return;
  if (found->second.ipv4) pool4_->release(*found->second.ipv4);
  if (found->second.ipv6) pool6_->release(*found->second.ipv6);
  leases_.erase(found);
}

}  // namespace gantry::bridge
