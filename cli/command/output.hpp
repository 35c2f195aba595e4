#pragma once

#include <string_view>

namespace gantry::cli {

/// Writes to standard output, as it is.
void print_text(std::string_view text);

}  // namespace gantry::cli
