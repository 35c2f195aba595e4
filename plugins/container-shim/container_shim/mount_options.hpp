#pragma once

#include "container_shim/plan.hpp"
#include "gantry/mount.hpp"

namespace gantry::container_shim {

/// Sorts a mount's options, as in fstab, into the kernel's flags and what is the filesystem's.
PlanMount translate_mount(const Mount& mount);

}  // namespace gantry::container_shim
