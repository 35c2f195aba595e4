#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, gantry::volume_plugin::Driver, "plugin", "1.0.0")
