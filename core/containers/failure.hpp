#pragma once

#include <exception>
#include <string>
#include <vector>

#include "containers/container.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

/// Why a start failed, in dockerd's words, and the exit code that goes with it: 127 for a command that there is not,
/// 126 for one that cannot be run, else 128. The docker CLI tells its own exit code from the words.
struct StartFailure {
  Error error;
  int exit_code{};
};
StartFailure describe_start_failure(const std::exception_ptr& failure);
StartFailure describe_exec_failure(const std::exception_ptr& failure);

/// Makes the directories that -v names and that are not there. Blocks. Errors: invalid, io.
void make_bind_sources(const std::vector<MountPoint>& mounts);

}  // namespace gantry::containers
