#pragma once

#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "plan.hpp"

/// The container's cgroup, as the plan lays it out: the shim only follows.
namespace gantry::native {

/// Makes the directory, writes the limits, loads the device program. Empty, or what went wrong.
std::string make_cgroup(const PlanCgroup& cgroup);

/// Moves a process in: "0" is the caller. Empty, or what went wrong.
std::string join_cgroup(const PlanCgroup& cgroup, const std::string& pid);

/// The v2 directory among them, for CLONE_INTO_CGROUP.
const PlanCgroup* unified_cgroup(const std::vector<PlanCgroup>& cgroups);

/// How many processes the kernel has killed in the cgroup for want of memory.
std::uint64_t oom_kills(const std::vector<PlanCgroup>& cgroups);

/// SIGKILL to each process in the cgroup.
void kill_cgroup(const std::vector<PlanCgroup>& cgroups);

}  // namespace gantry::native
