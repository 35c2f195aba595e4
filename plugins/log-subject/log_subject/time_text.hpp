#pragma once

#include <cstdint>
#include <string>

namespace gantry::log_subject {

/// Nanoseconds since the epoch by RFC 3339, in UTC, trailing zeros cut.
std::string rfc3339(std::int64_t time);

}  // namespace gantry::log_subject
