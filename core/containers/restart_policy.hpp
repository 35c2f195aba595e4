#pragma once

#include <chrono>

#include "containers/container.hpp"

/// dockerd's rules of what becomes of a container that has ended.
namespace gantry::containers {

/// Whether its policy starts a container again that has just ended.
bool asks_for_restart(const Container& container);

/// Whether a new daemon starts it: `always` comes back even after a stop by its user.
bool comes_back(const Container& container);

/// How long to wait for the next restart, after `previous` (0: the first one) and a run of that much.
std::chrono::milliseconds next_backoff(std::chrono::milliseconds previous, Nanoseconds ran);

}  // namespace gantry::containers
