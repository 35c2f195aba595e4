#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::registry::v1::Driver, oci_layout::Driver, "oci-layout", "1.0.0")
