#include "gantry/abi.hpp"
#include "log_text.hpp"

GANTRY_EXPORT_DRIVER(gantry::log::v1::Driver, sample::LogText, "text", "1.0.0")
