#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// A value as Go's fmt prints it with %v: "map[a:1 b:2]", "[x y]", "<nil>".
std::string go_text(const Json& value);
/// A text in Go's quotes and escapes.
std::string go_quote(std::string_view text);
/// Whether Go's templates take the value for true.
bool go_truth(const Json& value);
/// Go's fmt.Sprintf over `arguments`.
std::string go_printf(std::string_view format, const std::vector<Json>& arguments);

}  // namespace gantry::cli
