#pragma once

#include <functional>
#include <span>
#include <string>

#include "contexts/context_store.hpp"

namespace gantry::cli {

/// A context as the tar archive that `docker context export` writes.
std::string pack_context(const StoredContext& context);

/// The inverse. `source` gives some bytes, 0 at the end. Errors: Failure ("invalid context: no metadata found").
StoredContext unpack_context(const std::function<std::size_t(std::span<char>)>& source);

}  // namespace gantry::cli
