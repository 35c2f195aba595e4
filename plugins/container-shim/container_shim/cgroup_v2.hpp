#pragma once

#include "container_shim/cgroup_layout.hpp"

namespace gantry::container_shim::v2 {

/// Kernel documentation, admin-guide/cgroup-v2.
std::vector<PlanWrite> limit_writes(const Hierarchy& hierarchy, const runtime::v1::Resources& resources);

/// v1's 2 to 262144 as v2's 1 to 10000 (OCI runtime spec; 0 stays 0).
std::uint64_t weight_of_shares(std::uint64_t shares);

/// Fills what the controllers count for the cgroup `directory`.
void read_stats(const Hierarchy& hierarchy, const std::string& directory, runtime::v1::Stats& out);

}  // namespace gantry::container_shim::v2
