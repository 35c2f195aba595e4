#pragma once

#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// Opens (O_PATH) what `path` names inside the directory `root`; symlinks in it, also absolute ones, stay inside. What
/// is missing is made: directories, and at the end a directory or an empty file. No descriptor: errno says why.
UniqueFd open_target(int root, const std::string& path, bool directory);

}  // namespace gantry::container_shim
