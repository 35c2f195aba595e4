#pragma once

#include "format/template.hpp"

namespace gantry::cli {

/// Adds eq, ne, lt, le, gt, ge.
void add_comparisons(TemplateFunctions& functions);

}  // namespace gantry::cli
