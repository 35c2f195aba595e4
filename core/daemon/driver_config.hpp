#pragma once

#include "daemon/config.hpp"
#include "plugins/drivers.hpp"

namespace gantry::daemon {

/// Which drivers the config chooses, and which of its keys are whose options.
/// Errors: invalid (storage-opts).
plugins::DriverConfig make_driver_config(const Config& config);

}  // namespace gantry::daemon
