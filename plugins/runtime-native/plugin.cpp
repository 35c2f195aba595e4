#include "gantry/abi.hpp"

#include "driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::runtime::v1::Driver, gantry::native::Driver, "native", "1.0.0")
