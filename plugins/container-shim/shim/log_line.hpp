#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::container_shim {

/// Appends one line of Docker's json-file log: {"log":"...","stream":"...","time":"..."} and a newline. Bytes that are
/// no UTF-8 become U+FFFD, as Docker's encoder has it. `attributes`: a JSON object for "attrs"; empty: none.
void append_log_line(std::string& out, std::string_view text, std::string_view stream, std::string_view time,
                     std::string_view attributes = {});

/// Appends the inside of a JSON string.
void append_json_text(std::string& out, std::string_view text);

/// RFC 3339 with nanoseconds in UTC, trailing zeros cut.
std::string format_time(std::int64_t nanoseconds);

}  // namespace gantry::container_shim
