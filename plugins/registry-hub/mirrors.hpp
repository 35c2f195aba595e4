#pragma once

#include <string>
#include <vector>

#include "gantry/registry.hpp"
#include "url.hpp"

namespace hub {

/// Where else what a registry has can be had. Like routes' rules they name prefixes of whole components, and of those
/// that fit the longest counts: all of its mirrors, in their order.
class Mirrors {
 public:
  /// Items: "prefix=URL" ("quay.io=https://mirror.example.com/quay"), or "URL" for Docker Hub, as dockerd's.
  /// Errors: invalid.
  explicit Mirrors(const std::vector<std::string>& items);

  struct Place {
    Url base;  ///< Target ".../v2/".
    gantry::registry::v1::Repository repository;
  };
  /// Where `repository` may be, besides at its registry.
  [[nodiscard]] std::vector<Place> of(const gantry::registry::v1::Repository& repository) const;

 private:
  struct Mirror {
    std::string prefix;
    Url base;
    std::string path;  ///< What stands there in the place of the prefix; empty: nothing.
  };
  std::vector<Mirror> mirrors_;
};

}  // namespace hub
