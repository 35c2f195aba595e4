#pragma once

namespace gantry {

/// Mounts /sys anew, so that it shows this network namespace's interfaces and not those of the one that it was mounted
/// in; what is mounted below it stays. In a mount namespace of the caller's own. Throws std::system_error.
void show_own_sys();

}  // namespace gantry
