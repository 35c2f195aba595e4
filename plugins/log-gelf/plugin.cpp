#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::log::v1::Driver, gantry::gelf::Driver, "gelf", "1.0.0")
