#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::cli {

/// How Go's text/tabwriter lays out columns: a cell ends with a tab, a column reaches over the consecutive lines that
/// have such a cell, and is as wide as its widest cell and `padding` spaces, `least` at least.
struct Columns {
  std::size_t least = 10;
  std::size_t padding = 3;
};

std::string align(std::string_view text, Columns columns = {});

}  // namespace gantry::cli
