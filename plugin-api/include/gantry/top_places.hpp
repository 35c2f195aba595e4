#pragma once

#include <map>
#include <string>

#include "gantry/call.hpp"

namespace gantry::storage::v1 {

/// An ability of a storage driver: tells where the host has what a container's top is made of, for those who look into
/// it from outside (API: ContainerInspect, GraphDriver.Data). `Driver::query(kAbility)` answers it.
class TopPlaces {
 public:
  static constexpr const char* kAbility = "top-places";
  virtual ~TopPlaces() = default;

  /// Docker's names where they fit: "UpperDir", "WorkDir", "LowerDir" (the uppermost first, separated by ":"). All are
  /// absolute paths. Errors: not_found.
  virtual void places(const std::string& key, std::map<std::string, std::string>& out, const Call& call) = 0;
};

}  // namespace gantry::storage::v1
