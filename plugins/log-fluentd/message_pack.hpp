#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// As much of MessagePack (github.com/msgpack/msgpack, spec.md) as Fluentd's forward protocol needs.
namespace gantry::fluentd {

void pack_text(std::string& out, std::string_view text);

void pack_map(std::string& out, const std::map<std::string, std::string>& members);

/// Seconds, or Fluentd's EventTime (an extension of type 0) with nanoseconds.
void pack_time(std::string& out, std::int64_t nanoseconds, bool sub_second);

/// A message of the forward protocol: [tag, time, record, options].
void pack_array_of_four(std::string& out);

}  // namespace gantry::fluentd
