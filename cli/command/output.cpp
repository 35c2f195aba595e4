#include "command/output.hpp"

#include <cstdio>

namespace gantry::cli {

void print_text(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

}  // namespace gantry::cli
