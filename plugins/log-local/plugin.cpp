#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::log::v1::Driver, gantry::log_local::Driver, "local", "1.0.0")
