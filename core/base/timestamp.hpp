#pragma once

#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace gantry {

/// RFC 3339, or the begin of it ("2026-01-02", "2026-01-02T15:04"), with an offset or in local time: what a filter for
/// times takes. Nothing if it is none.
std::optional<Nanoseconds> parse_timestamp(std::string_view text);

}  // namespace gantry
