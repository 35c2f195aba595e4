#include <cstdlib>

#include "base/time.hpp"

#include "fuzz_target.hpp"

FUZZ_TARGET(text) {
  const auto time = gantry::parse_rfc3339(text);
  if (time && gantry::parse_rfc3339(gantry::format_rfc3339(*time)) != time) std::abort();
}
