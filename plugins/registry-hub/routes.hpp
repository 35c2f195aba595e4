#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gantry/registry.hpp"

namespace hub {

/// Where repositories really are, and which nobody may reach. Rules name prefixes of whole components
/// ("docker.io/library", "quay.io"); of those that fit the longest counts, so that a rule that rewrites a prefix to
/// itself is an exception of a shorter one that blocks it.
class Routes {
 public:
  /// `rewrites`: "prefix=prefix"; `blocks`: "prefix". Errors: invalid.
  Routes(const std::vector<std::string>& rewrites, const std::vector<std::string>& blocks);

  /// Errors: denied.
  [[nodiscard]] gantry::registry::v1::Repository resolve(const gantry::registry::v1::Repository& repository) const;
  /// For what concerns a whole registry. Errors: denied.
  void check_host(const std::string& host) const;

 private:
  struct Rule {
    std::string prefix;
    std::string target;  ///< Empty: blocked.
  };
  [[nodiscard]] const Rule* find(const std::string& name) const;

  std::vector<Rule> rules_;  ///< The longest prefix first.
};

}  // namespace hub
