#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::ipam::v1::Driver, gantry::dhcp::Driver, "dhcp", "1.0.0")
