#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net_link/address_pool.hpp"
#include "net_link/family_plan.hpp"

namespace gantry::net_link {

/// The addresses of one endpoint.
struct Lease {
  std::optional<Address> ipv4;
  std::optional<Address> ipv6;
};

/// Who has which of a network's addresses. Any thread.
class Leases {
 public:
  /// `name` and `id` are the network's, for messages. Of a family's plans those that come first give first.
  Leases(std::string name, std::string id, std::vector<FamilyPlan> plans);

  /// An address that is somebody else's. Nothing happens if it is none of the network's.
  void keep(const Address& address);

  /// Gives addresses: those that are asked for by name, or the lowest free ones. The same again for an endpoint that
  /// has some. Errors, in dockerd's words: invalid, denied (in use), exhausted.
  Lease lease(const std::string& endpoint, const std::string& ipv4, const std::string& ipv6);

  /// Makes one endpoint's addresses another's that has none. False, and nothing happens, if others are asked for or
  /// there are none.
  bool hand_over(const std::string& from, const std::string& to, const std::string& ipv4, const std::string& ipv6);

  void release(const std::string& endpoint);

  /// Of endpoints that are on their way out the one whose address would be the next to be given if they were gone;
  /// empty: that is a free one.
  [[nodiscard]] std::string next_among(const std::vector<std::string>& leaving);

  [[nodiscard]] const std::vector<FamilyPlan>& plans() const { return plans_; }

  /// The plan whose subnet an address is of.
  [[nodiscard]] const FamilyPlan* plan_of(const Address& address) const;

 private:
  [[nodiscard]] bool comes_next(const Address& address) const;
  std::optional<Address> lease_one(int family, const std::string& asked);
  Address lease_asked(int family, const std::string& asked);
  void give_back(const std::optional<Address>& address);

  std::string name_;
  std::string id_;
  std::vector<FamilyPlan> plans_;
  std::mutex mutex_;
  std::vector<AddressPool> pools_;
  std::map<std::string, Lease> leases_;
};

}  // namespace gantry::net_link
