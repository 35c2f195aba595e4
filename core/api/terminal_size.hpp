#pragma once

#include <cstdint>

#include "api/exchange.hpp"

namespace gantry::api {

/// A terminal's "h" or "w". As dockerd: it takes what fits into it. Errors: invalid.
inline std::uint16_t terminal_size(const Request& request, const char* name) {
  const auto number = request.number(name, "Atoi");
  if (!number) throw Error{Errc::invalid, "strconv.Atoi: parsing \"" + request.get(name) + "\": invalid syntax"};
  return static_cast<std::uint16_t>(*number);
}

}  // namespace gantry::api
