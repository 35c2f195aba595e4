#pragma once

#include <set>
#include <string>

#include "plugins/drivers.hpp"

namespace gantry::plugins {

/// Opens what a driver of that kind (volume, network, ipam) stands for, by the plugins' names: all side by side, so
/// that many that hang take the time of one. What cannot be used is left out. `drivers` outlives it.
awaitable<void> look_up_all(Drivers& drivers, std::string kind, std::set<std::string> names);

}  // namespace gantry::plugins
