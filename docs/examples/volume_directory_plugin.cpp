#include "gantry/abi.hpp"
#include "volume_directory.hpp"

GANTRY_EXPORT_DRIVER(gantry::volume::v1::Driver, sample::VolumeDirectory, "directory", "1.0.0")
