#pragma once

#include <string>
#include <vector>

#include "container_shim/cgroup_layout.hpp"
#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// What is done with the cgroups of a container that runs; `directories` are its own, one of each hierarchy.
bool is_frozen(const CgroupLayout& layout, const std::vector<std::string>& directories);
/// Errors: io, unsupported (the host has no freezer).
void freeze(const CgroupLayout& layout, const std::vector<std::string>& directories);
void thaw(const CgroupLayout& layout, const std::vector<std::string>& directories);

/// Errors: invalid, with the file that does not take its value.
void apply_limits(const CgroupLayout& layout, const std::vector<std::string>& directories,
                  const runtime::v1::Resources& resources);

}  // namespace gantry::container_shim
