#include "gantry/abi.hpp"
#include "runtime_plain.hpp"

GANTRY_EXPORT_DRIVER(gantry::runtime::v1::Driver, sample::RuntimePlain, "plain", "1.0.0")
