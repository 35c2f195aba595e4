#pragma once

#include "gantry/mount.hpp"
#include "plan.hpp"

namespace gantry::native {

/// Sorts a mount's options, as in fstab, into the kernel's flags and what is the filesystem's.
PlanMount translate_mount(const Mount& mount);

}  // namespace gantry::native
