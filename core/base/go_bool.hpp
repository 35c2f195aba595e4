#pragma once

#include <optional>
#include <string_view>

namespace gantry {

/// As Go's strconv.ParseBool; none: it is no boolean.
inline std::optional<bool> parse_go_bool(std::string_view text) noexcept {
  for (const std::string_view word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

}  // namespace gantry
