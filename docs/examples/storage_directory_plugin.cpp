#include "gantry/abi.hpp"
#include "storage_directory.hpp"

GANTRY_EXPORT_DRIVER(gantry::storage::v1::Driver, sample::StorageDirectory, "directory", "1.0.0")
