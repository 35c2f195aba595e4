#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// Field 22 of /proc/<pid>/stat; 0 if there is no such process.
std::uint64_t start_time_of(pid_t pid);

/// A pidfd of the process that had this pid and this start time; none if it has ended.
UniqueFd open_process(pid_t pid, std::uint64_t start_time);

/// Whether the process has ended within the time.
bool wait_for_end(int pidfd, int timeout_ms);

/// All processes in a cgroup's directory and those below it.
std::vector<std::int64_t> cgroup_processes(const std::string& directory);

/// Kills every process in the cgroup, waits for them, removes the directories. Errors: io if it cannot.
void destroy_cgroup(const std::vector<std::string>& directories);

}  // namespace gantry::container_shim
