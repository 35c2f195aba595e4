#pragma once

#include <string_view>

#include "plugins/handle.hpp"

namespace gantry::plugins {

/// Logs a line under a driver's name.
void log_line(const DriverInfo& driver, LogLevel level, std::string_view message) noexcept;

}  // namespace gantry::plugins
