#pragma once

#include <sys/types.h>

#include <string>

namespace gantry::container_shim {

/// Writes to a file of the kernel's as the host's root or, where that may not, as `owner` (a user of the host's): whose
/// a sysctl of an IPC or UTS namespace is depends on the kernel: the host's root's, or, since Linux 6.9, that of the
/// user namespace. 0, or errno.
int write_as_root_or(uid_t owner, const std::string& file, const std::string& value);

}  // namespace gantry::container_shim
