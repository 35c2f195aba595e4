#include "driver.hpp"
#include "gantry/abi.hpp"

GANTRY_EXPORT_DRIVER(gantry::log::v1::Driver, gantry::json_file::Driver, "json-file", "1.0.0")
