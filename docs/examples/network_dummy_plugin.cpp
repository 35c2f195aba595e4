#include "gantry/abi.hpp"
#include "network_dummy.hpp"

GANTRY_EXPORT_DRIVER(gantry::network::v1::Driver, sample::NetworkDummy, "dummy", "1.0.0")
