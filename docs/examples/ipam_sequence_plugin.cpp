#include "gantry/abi.hpp"
#include "ipam_sequence.hpp"

GANTRY_EXPORT_DRIVER(gantry::ipam::v1::Driver, sample::IpamSequence, "sequence", "1.0.0")
