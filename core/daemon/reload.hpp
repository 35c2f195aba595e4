#pragma once

#include "daemon/config.hpp"

namespace gantry::daemon {

/// What a config that was read again changes in one that is in force.
struct Reloaded {
  Config config;    ///< The old one with the new values of the keys that may change.
  Strings changes;  ///< "labels: [] -> [\"a=b\"]", for each of these that did.
  Strings later;    ///< The other keys that changed: they hold from the next start.
};

Reloaded take_over(const Config& old, const Config& fresh);

}  // namespace gantry::daemon
