#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

/// Nanoseconds since the epoch, CLOCK_REALTIME: what the API's time stamps have.
using Nanoseconds = std::int64_t;

Nanoseconds now();

/// RFC 3339 with nanoseconds in UTC, trailing zeros cut, as Go's time.RFC3339Nano: "2026-01-02T03:04:05.6Z".
std::string format_rfc3339(Nanoseconds time);

/// The zero time of Go, which the API has for "never".
inline constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

/// RFC 3339 with any offset and up to nine fractional digits; nothing if it is not.
std::optional<Nanoseconds> parse_rfc3339(std::string_view text);

}  // namespace gantry
