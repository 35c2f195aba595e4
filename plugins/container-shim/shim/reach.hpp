#pragma once

#include <cstddef>
#include <vector>

#include "container_shim/plan.hpp"

namespace gantry::container_shim {

/// Which of the mounts are submounts that the root of that user namespace cannot get at, as a directory on the way is
/// closed to him. What shows its ids mapped is his own. For a process of a single thread that is the host's root.
std::vector<std::size_t> unreachable_submounts(const std::vector<PlanMount>& mounts, int user_namespace);

}  // namespace gantry::container_shim
