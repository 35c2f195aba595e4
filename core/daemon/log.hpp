#pragma once

#include "daemon/config.hpp"

namespace gantry::daemon {

/// Logs go to stderr, one line each; under systemd the journal adds the time.
void start_log(const Config& config);
void set_log_level(const Config& config);

}  // namespace gantry::daemon
