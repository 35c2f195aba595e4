#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::registry::v1::Driver, hub::Driver, "hub", "1.0.0")
