#include "network.hpp"

#include <sys/socket.h>

#include <utility>

namespace gantry::bridge {
namespace {

std::vector<FamilyPlan> plans_of(const AddressPlan& plan) {
  std::vector<FamilyPlan> out;
  if (plan.ipv4) out.push_back(*plan.ipv4);
  if (plan.ipv6) out.push_back(*plan.ipv6);
  return out;
}

}  // namespace

Network::Network(const network::v1::NetworkSpec& spec, NetworkOptions options, AddressPlan plan,
                 const Settings& settings)
    : id_(spec.id),
      options_(std::move(options)),
      plan_(std::move(plan)),
      internal_(spec.internal),
      leased_(spec.leased),
      leases_(spec.name, spec.id, plans_of(plan_)) {
  if (!options_.default_bridge) return;
  if (plan_.ipv4) other_gateway4_ = settings.default_gateway;
  if (plan_.ipv6) other_gateway6_ = settings.default_gateway6;
  if (other_gateway4_) leases_.keep(*other_gateway4_);
  if (other_gateway6_) leases_.keep(*other_gateway6_);
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

}  // namespace gantry::bridge
