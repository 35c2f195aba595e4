#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

/// JSON text with each member on a line of its own, four spaces for each level; nothing of it is read or changed, so
/// what the daemon wrote is what the user sees. `level`: of the first line.
std::string reindent(std::string_view json, std::size_t level = 0);

}  // namespace gantry::cli
