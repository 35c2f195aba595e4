#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::builder::v1::Driver, gantry::dockerfile::Driver, "dockerfile", "1.0.0")
