#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, gantry::no_network::Driver, "null", "1.0.0")
