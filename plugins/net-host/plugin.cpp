#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, gantry::host_network::Driver, "host", "1.0.0")
