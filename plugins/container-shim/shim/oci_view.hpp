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

/// As a program of its own, `oci-runtime MOUNT... -- PROGRAM ARGUMENT...`: the program without those mounts.
[[noreturn]] void run_in_view(char** arguments);

}  // namespace gantry::container_shim
