#pragma once

#include <string>
#include <string_view>

namespace gantry::cli {

/// Breaks `text` at spaces into lines that end before column `width`; those after the first are indented. 0: no breaks.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace gantry::cli
