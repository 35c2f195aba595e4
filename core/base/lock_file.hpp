#pragma once

#include <filesystem>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry {

/// The lock against a second daemon, held as long as the descriptor is open: a file with its owner's pid. `what` is in
/// its care, `option` would choose another. Errors: conflict, io.
UniqueFd lock_file(const std::filesystem::path& file, const std::string& what, const std::string& option);

}  // namespace gantry
