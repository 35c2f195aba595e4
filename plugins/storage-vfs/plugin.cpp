#include "vfs_driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::storage::v1::Driver, gantry::vfs::VfsDriver, "vfs", "1.0.0")
