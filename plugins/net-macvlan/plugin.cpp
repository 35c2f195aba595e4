#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, gantry::macvlan::Driver, "macvlan", "1.0.0")
