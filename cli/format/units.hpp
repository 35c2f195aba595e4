#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

/// Decimal size with `digits` significant digits: "1.98MB".
std::string human_size(double bytes, int digits = 3);
/// Binary size with four significant digits: "1.5GiB".
std::string binary_size(double bytes);
/// How long, roughly, as Docker says it: "About a minute", "3 weeks".
std::string human_duration(std::int64_t seconds);
/// Shortens to `width` characters (code points), of which the last is an ellipsis.
std::string ellipsis(std::string_view text, std::size_t width);
/// The first twelve digits of an ID, without its "sha256:".
std::string short_id(std::string_view id);
/// A duration of so many nanoseconds as Go prints it: "1m30s".
std::string go_duration(std::int64_t nanoseconds);
/// A float as Go prints it.
std::string go_float(double value);

}  // namespace gantry::cli
