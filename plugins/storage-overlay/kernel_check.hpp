#pragma once

#include <string>

namespace gantry::overlay {

/// Mounts an overlay on directories in `data_dir`, seen by nobody, and tries what layers need: copying up, whiteouts,
/// opaque directories. Errors: unsupported: says what does not work, on which filesystem, and what would.
void check_kernel(const std::string& data_dir);

}  // namespace gantry::overlay
