#pragma once

#include <string>
#include <vector>

/// The host's mounts as an OCI runtime sees them, in a mount namespace of its own.
namespace gantry::container_shim {

/// Makes the mount that `directory` is on private: what is mounted below it must not reach the host's namespace, where
/// it would go if that mount is shared. All others keep their propagation. 0, or -1.
int make_private_around(const std::string& directory);

/// Takes mounts out of the view. 0, or -1.
int hide_mounts(const std::vector<std::string>& mounts);

/// Lets everybody enter `directory`, but not look around on the way: from the first directory on that only its owner
/// may enter, all but the way is covered. A runtime comes by there as the root of a user namespace, who is nobody to
/// the host's files. The mounts must be private by now, and none be below `directory`. 0, or -1.
int open_way(const std::string& directory);

/// As a program of its own, `oci-runtime MOUNT... -- PROGRAM ARGUMENT...`: the program without those mounts.
[[noreturn]] void run_in_view(char** arguments);

}  // namespace gantry::container_shim
