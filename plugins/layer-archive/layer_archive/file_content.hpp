#pragma once

#include <sys/types.h>

#include "gantry/call.hpp"

namespace gantry::layer_archive {

/// Copies the first `size` bytes of a file into a new one: holes stay holes, and what can be shared is shared. Errors:
/// exhausted, io, cancelled.
void copy_content(int from, int to, off_t size, const Call& call);

}  // namespace gantry::layer_archive
