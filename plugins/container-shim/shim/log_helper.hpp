#pragma once

#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// Runs a program beside the shim with `input` as its standard input, and none of the shim's descriptors but for
/// `extra`, as its descriptor 3. It outlives the shim. Answers a descriptor of the process, none if there can be no
/// process; whether the program exists shows in the process's end.
UniqueFd run_log_helper(const std::vector<std::string>& command, const UniqueFd& input, int extra = -1);

}  // namespace gantry::container_shim
