#pragma once

#include <sys/types.h>

#include "gantry/mount.hpp"

namespace gantry::container_shim {

/// Changes what is mounted in the mount namespace of the process behind `pidfd`. A thread that lives as long as the
/// call enters the namespace: it resolves paths in the container's root by descriptors, and runs nothing of the
/// container's. Errors: invalid, conflict, io.
void mount_into(int pidfd, pid_t pid, const Mount& mount);
void unmount_from(int pidfd, const std::string& target);

}  // namespace gantry::container_shim
