#include "gantry/abi.hpp"

#include "driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::runtime::v1::Driver, gantry::oci::Driver, "oci", "1.0.0")
