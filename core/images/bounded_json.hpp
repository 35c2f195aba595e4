#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace gantry::images {

/// A JSON object of somebody else's making: at most `limit` bytes, and not so deep that it costs the parser its stack.
/// Errors: invalid, "<what>: ...".
nlohmann::json parse_bounded(std::string_view content, std::size_t limit, const std::string& what);

/// Whether `content` is such an object. Needs no memory for what is in it.
bool is_bounded_object(std::string_view content);

}  // namespace gantry::images
