#pragma once

#include "container_shim/cgroup_layout.hpp"

namespace gantry::container_shim::v1 {

/// Kernel documentation, admin-guide/cgroup-v1. `parent`: the directory above, whose cpuset a container takes over.
std::vector<PlanWrite> limit_writes(const Hierarchy& hierarchy, const std::string& parent,
                                    const runtime::v1::Resources& resources);

void append_device_writes(const std::vector<runtime::v1::DeviceRule>& rules, std::vector<PlanWrite>& out);

/// Fills what the hierarchy's controllers count for the cgroup `directory`.
void read_stats(const Hierarchy& hierarchy, const std::string& directory, runtime::v1::Stats& out);

}  // namespace gantry::container_shim::v1
