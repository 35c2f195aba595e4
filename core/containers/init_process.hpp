#pragma once

#include <cstdint>
#include <string>

#include "gantry/unique_fd.hpp"

/// A container's init. Its number alone names nothing: once it has ended, that may be another process's, of the host.
namespace gantry::containers {

/// Its directory in /proc (O_PATH), which stays that process's for ever: when it has ended, nothing can be opened there
/// (ESRCH). No descriptor if the process of that number is not the one that began at `start_time`.
UniqueFd open_init(std::int64_t pid, std::uint64_t start_time);

/// Whether the process that such a directory is of has ended, and its number may be another's.
bool has_ended(const UniqueFd& init);

/// The network namespace of a container with that network mode: its init's, or the host's. No descriptor, with errno
/// (ESRCH: the init has ended).
UniqueFd open_network(const std::string& mode, std::int64_t pid, std::uint64_t start_time);

/// Field 22 of its `stat`; 0 if it has ended.
std::uint64_t start_time_of(const UniqueFd& init);

}  // namespace gantry::containers
