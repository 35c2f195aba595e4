#pragma once

#include <string>
#include <utility>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"

/// The container's cgroup, as the plan lays it out: the shim only follows.
namespace gantry::container_shim {

/// Makes the directory, writes the limits, loads the device program. Empty, or what went wrong.
std::string make_cgroup(const PlanCgroup& cgroup);

/// The ways into v1 cgroups: a single-threaded process goes in by itself, through `tasks`. To be moved by another, or
/// through `cgroup.procs`, costs the kernel a lock over all processes and so an RCU grace period, up to 20 ms.
class CgroupDoors {
 public:
  CgroupDoors() = default;
  explicit CgroupDoors(std::vector<UniqueFd> doors) : doors_(std::move(doors)) {}

  /// Those of `cgroups` that are v1's. Empty, or what went wrong.
  std::string open(const std::vector<PlanCgroup>& cgroups);
  [[nodiscard]] std::vector<int> descriptors() const;
  /// Moves the calling thread in. 0 or errno.
  [[nodiscard]] int enter() const;

 private:
  std::vector<UniqueFd> doors_;
};

/// The v2 directory among them, for CLONE_INTO_CGROUP.
const PlanCgroup* unified_cgroup(const std::vector<PlanCgroup>& cgroups);

/// How many processes the kernel has killed in the cgroup for want of memory.
std::uint64_t oom_kills(const std::vector<PlanCgroup>& cgroups);

/// SIGKILL to each process in the cgroup.
void kill_cgroup(const std::vector<PlanCgroup>& cgroups);

}  // namespace gantry::container_shim
