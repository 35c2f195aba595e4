#pragma once

#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// Runs a program beside the shim with `input` as its standard input, and none of the shim's descriptors. It outlives
/// the shim. False if there can be no process; whether the program exists shows in the process's end.
bool run_log_helper(const std::vector<std::string>& command, const UniqueFd& input);

}  // namespace gantry::container_shim
