#pragma once

#include <string>

#include "command/context.hpp"
#include "contexts/context_store.hpp"

namespace gantry::cli {

/// Errors: Failure if the name is no good or taken.
void check_new_context(const ContextStore& store, const std::string& name);

}  // namespace gantry::cli
