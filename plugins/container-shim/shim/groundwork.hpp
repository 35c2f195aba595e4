#pragma once

#include <sys/types.h>

#include "container_shim/plan.hpp"

namespace gantry::container_shim {

/// The init that waits for the groundwork.
struct GroundworkSubject {
  pid_t init{};
  int pidfd{};
  int line{};  ///< The shim's end of the init's report line.
};

/// What of a container with a user namespace only the host's root can make: overlays, what the host's paths lead to,
/// the mapping of ids, device nodes. Runs as a process of its own in the init's mount namespace, as the host's root,
/// and is never in the container's PID namespace. Each mount goes to the init as Signal::ground, in the order in which
/// it takes them: the root, the root's other mounts and the mounts for which `needs_host_root` is true, the nodes
/// outside of /dev. What fails is told as Report::failure, which the init passes on; the exit code is 127 then.
[[noreturn]] void run_groundwork(const Plan& plan, const GroundworkSubject& subject);

}  // namespace gantry::container_shim
