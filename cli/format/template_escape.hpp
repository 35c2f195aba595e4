#pragma once

#include <string>
#include <string_view>

namespace gantry::cli {

/// A text that may stand in HTML, in JavaScript, in a URL's query, as Go's templates escape it.
std::string html_escaped(std::string_view text);
std::string js_escaped(std::string_view text);
std::string query_escaped(std::string_view text);

}  // namespace gantry::cli
