#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "instruction.hpp"

namespace gantry::dockerfile {

/// What is allowed in a recipe and seldom meant, by BuildKit's rules and in its words.
struct Finding {
  std::string rule;  ///< "MaintainerDeprecated".
  std::string text;
  std::size_t line{};
};

/// "MaintainerDeprecated: Maintainer instruction ... (line 2)".
std::string show_finding(const Finding& finding);

/// What the directive "# check=skip=Rule,Rule;error=true" says.
struct CheckOptions {
  std::vector<std::string> skip;  ///< "all": every rule.
  bool error{};
};
/// Errors: invalid.
CheckOptions parse_check(const std::string& text);

/// In the order of lines; without what the recipe's own directive skips. Errors: invalid (the directive).
std::vector<Finding> lint(const Recipe& recipe);

}  // namespace gantry::dockerfile
