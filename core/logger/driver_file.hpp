#pragma once

#include <memory>
#include <string>

#include "gantry/log.hpp"

namespace gantry::logger {

/// A log driver out of its file, which the daemon has checked; never unmapped. Errors: invalid.
std::shared_ptr<log::v1::Driver> load_driver(const std::string& file);

/// Errors: unsupported if the driver has none.
log::v1::Writer& writer_of(log::v1::Driver& driver);

}  // namespace gantry::logger
