#include "overlay_driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::storage::v1::Driver, gantry::overlay::OverlayDriver, "overlay", "1.0.0")
