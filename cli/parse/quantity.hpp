#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gantry::cli {

/// "1.5g" in bytes, by powers of 1024. Throws InvalidValue.
std::int64_t parse_bytes(const std::string& text);
/// "0.5" processors in billionths. Throws InvalidValue.
std::int64_t parse_nano_cpus(const std::string& text);
/// Go's "1h2m3.5s" in nanoseconds; nothing if it is none.
std::optional<std::int64_t> parse_duration(const std::string& text);
/// The same for a flag. Throws InvalidValue.
std::int64_t parse_duration_flag(const std::string& text);
/// What `--since` and `--until` take, as the API wants it: seconds and nanoseconds since the epoch. A duration counts
/// back from `now_ns`. Throws InvalidValue.
std::string parse_timestamp(const std::string& text, std::int64_t now_ns);
/// Nanoseconds since the epoch.
std::int64_t now_nanoseconds();

}  // namespace gantry::cli
