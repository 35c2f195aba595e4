#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net_link/address.hpp"

namespace gantry::net_link {

/// The addresses of one subnet of a network: gives the lowest free one, as dockerd does. The caller locks.
class AddressPool {
 public:
  /// `range` limits what is given unasked; addresses of the rest of the subnet can be asked for by name.
  AddressPool(Subnet subnet, std::optional<Subnet> range);

  [[nodiscard]] const Subnet& subnet() const { return subnet_; }

  /// The lowest free address, or nothing if all are taken.
  std::optional<Address> take();
  /// The one that `take` would give now.
  [[nodiscard]] std::optional<Address> next() const;
  /// Whether it would give this one if it were free.
  [[nodiscard]] bool gives(const Address& address) const { return range_.contains(address) && !reserved(address); }

  /// One address by name; false if it is taken.
  bool take(const Address& address);

  void release(const Address& address);

 private:
  [[nodiscard]] bool reserved(const Address& address) const;

  Subnet subnet_;
  Subnet range_;
  std::set<Address> taken_;
  Address lowest_;  ///< No address of the range below it is free.
};

/// A base that subnets of one size are cut from (dockerd: default-address-pools).
struct SubnetSource {
  Subnet base;
  int size{};  ///< Prefix length of the subnets.
};

/// dockerd's own: the rest of 172.16.0.0/12 in /16, then 192.168.0.0/16 in /20.
std::vector<SubnetSource> default_sources();

/// "base=10.0.0.0/8 size=24" (a comma may stand for the space), one for each; nothing if malformed.
std::optional<SubnetSource> parse_source(const std::string& text);

/// The first subnet of a family that overlaps none of `used`; nothing if there is none.
std::optional<Subnet> choose_subnet(const std::vector<SubnetSource>& sources, int family,
                                    const std::vector<Subnet>& used);

/// The /48 of fd00::/8 that is a host's own (RFC 4193): the same as long as `machine_id` is. Of an empty one a random
/// one.
Subnet unique_local_prefix(const std::string& machine_id);

/// What /etc/machine-id says; empty if there is none.
std::string machine_id();

}  // namespace gantry::net_link
