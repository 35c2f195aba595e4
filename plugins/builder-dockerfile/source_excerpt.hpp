#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "context.hpp"
#include "gantry/builder.hpp"

namespace gantry::dockerfile {

/// The lines from `first` to `last` of a recipe with those around them, as BuildKit shows what failed; empty if there
/// are none.
std::string source_excerpt(const std::string& name, std::string_view text, std::size_t first, std::size_t last);

/// The line that a message names: "dockerfile parse error on line 3: ..."; 0: none.
std::size_t line_named_in(std::string_view message);

/// Shows them to a user who has a display. `last` may be 0.
void show_source(builder::v1::Session& session, std::size_t step, const Context& context, std::size_t first,
                 std::size_t last);

}  // namespace gantry::dockerfile
