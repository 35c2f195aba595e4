#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, gantry::net_plugin::Driver, "plugin", "1.0.0")
