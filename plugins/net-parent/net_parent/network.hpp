#pragma once

#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "net_link/leases.hpp"
#include "net_link/stacked_link.hpp"

namespace gantry::net_parent {

/// What a network's options say of the interfaces on it.
struct LinkMode {
  std::vector<net_link::LinkAttribute> attributes;  ///< For the kernel.
  bool exclusive{};                                 ///< Nobody else may stand on the parent (passthru).
  bool routed{};   ///< Endpoints reach everybody by the interface itself: no gateway (l3).
  bool own_mac{};  ///< Each endpoint has a MAC address of its own.
};

/// A parent interface and the addresses on it. Any thread.
class Network {
 public:
  Network(const network::v1::NetworkSpec& spec, std::string parent, LinkMode mode,
          std::vector<net_link::FamilyPlan> plans);

  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const std::string& parent() const { return parent_; }
  [[nodiscard]] const LinkMode& mode() const { return mode_; }
  [[nodiscard]] bool internal() const { return internal_; }
  [[nodiscard]] bool ipv6() const { return ipv6_; }
  [[nodiscard]] net_link::Leases& leases() { return leases_; }
  [[nodiscard]] std::vector<network::v1::Pool> pools() const;

  /// The gateway of who has an address: none in an internal or a routed network.
  [[nodiscard]] std::optional<net_link::Address> gateway(const net_link::Address& address) const;

  /// Whether endpoints have a way out that needs no gateway.
  [[nodiscard]] bool routed_out() const { return mode_.routed && !internal_; }

 private:
  std::string id_;
  std::string parent_;
  LinkMode mode_;
  bool internal_;
  bool ipv6_;
  net_link::Leases leases_;
};

/// Decides a network's subnets and gateways: the user's, checked, or free ones; several of a family are possible.
/// Errors: invalid, denied, exhausted, in dockerd's words.
std::vector<net_link::FamilyPlan> plan_addresses(const network::v1::NetworkSpec& spec,
                                                 const std::vector<net_link::SubnetSource>& sources,
                                                 net_link::UsedSubnets used);

}  // namespace gantry::net_parent
