#include "btrfs_driver.hpp"

GANTRY_EXPORT_DRIVER(gantry::storage::v1::Driver, gantry::btrfs::BtrfsDriver, "btrfs", "1.0.0")
