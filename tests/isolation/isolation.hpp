#pragma once

#include <functional>
#include <string>

namespace gantry {

/// Runs `body` in a process of its own in network, mount and PID namespaces of its own: no bridge, rule, sysctl or
/// mount of its reaches the host, and no process of its outlives it. That holds however this process ends, a SIGKILL at
/// the time limit included. What namespaces don't hold has one place each that goes with them: temporary files are made
/// in TMPDIR, cgroups below `test_cgroup()`. Called while there is one thread. The code that `body` returned, as a
/// shell has it if a signal ended it; throws std::system_error if it can't (no root).
int run_isolated(const std::function<int()>& body);

/// The cgroup below which `body` makes its own, in each hierarchy; another one for each run on the host.
const std::string& test_cgroup();

}  // namespace gantry
