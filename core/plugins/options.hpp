#pragma once

#include <string>
#include <vector>

#include "plugins/handle.hpp"

namespace gantry::plugins {

/// Checks the names of `given` against the options of `scope` that a driver takes.
/// Errors: invalid, naming the driver, the option and those that it takes.
void check_option_names(const DriverInfo& driver, OptionScope scope, const Options& given);

/// Checks `given` against the options of `scope` that a driver takes: names and the forms of their values.
/// Errors: invalid, naming the driver, the option and what would be right.
void check_options(const DriverInfo& driver, OptionScope scope, const Options& given);

/// `given` with the defaults of the driver's options of scope `driver` filled in, checked.
Options complete_options(const DriverInfo& driver, const Options& given);

}  // namespace gantry::plugins
