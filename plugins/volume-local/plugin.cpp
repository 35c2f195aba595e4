#include "local_driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, gantry::local::LocalDriver, "local", "1.0.0")
