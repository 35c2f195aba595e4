#include "gantry/abi.hpp"
#include "registry_directory.hpp"

GANTRY_EXPORT_DRIVER(gantry::registry::v1::Driver, sample::RegistryDirectory, "directory", "1.0.0")
