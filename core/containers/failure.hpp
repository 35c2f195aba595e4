#pragma once

#include <sys/types.h>

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "containers/container.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

constexpr int kNotStarted = 128;  ///< The exit code of what failed before there was a command to fail.

/// Why a start failed, in dockerd's words, and the exit code that goes with it: 127 for a command that there is not,
/// 126 for one that cannot be run, else 128. The docker CLI tells its own exit code from the words.
struct StartFailure {
  Error error;
  int exit_code{};
};
StartFailure describe_start_failure(const std::exception_ptr& failure);
StartFailure describe_exec_failure(const std::exception_ptr& failure);

/// The container's root, as the host sees it.
struct HostOwner {
  uid_t uid{};
  gid_t gid{};
};

/// Makes the directories that -v names and that are not there, `owner`'s if there is one. Blocks. Errors: io.
void make_missing_sources(const std::vector<MountPoint>& mounts, const std::optional<HostOwner>& owner);

/// The same before a start, for which all binds' sources must be there and fit. Blocks. Errors: invalid, io.
void make_bind_sources(const std::vector<MountPoint>& mounts, const std::optional<HostOwner>& owner = {});

}  // namespace gantry::containers
