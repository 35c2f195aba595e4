#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::ipam::v1::Driver, gantry::ipam_plugin::Driver, "plugin", "1.0.0")
