#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "container_shim/cgroup_layout.hpp"
#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// The figures of a container's cgroup and of its network, if that is not the host's.
void read_stats(const CgroupLayout& layout, const std::vector<std::string>& directories, pid_t init,
                runtime::v1::Stats& out);

/// /proc/<pid>/net/dev's text.
std::vector<runtime::v1::InterfaceStats> parse_interfaces(const std::string& text);

/// The container's directory in that hierarchy; empty if there is none.
std::string directory_in(const Hierarchy& hierarchy, const std::vector<std::string>& directories);

}  // namespace gantry::container_shim
