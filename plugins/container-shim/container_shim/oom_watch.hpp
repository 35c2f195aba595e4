#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container_shim/cgroup_layout.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// A descriptor that is readable once the kernel has found no memory within the limits of the cgroup; `directories` are
/// the container's. Errors: unsupported (nothing counts its memory), io.
UniqueFd watch_memory(const CgroupLayout& layout, const std::vector<std::string>& directories);

/// Whether that has happened since `seen`, which moves on. Errors: not_found (the cgroup is gone).
bool memory_ran_out(const CgroupLayout& layout, const std::vector<std::string>& directories, int watch,
                    std::uint64_t& seen);

}  // namespace gantry::container_shim
