#pragma once

namespace gantry {

/// Moves this process, single-threaded as yet, into network and mount namespaces of its own, so that no bridge, rule,
/// sysctl or mount of its reaches the host, and all of it is gone when the process ends. False with errno if it cannot.
bool isolate() noexcept;

}  // namespace gantry
