#pragma once

#include <map>
#include <string>
#include <vector>

#include "events/bus.hpp"

namespace gantry::events {

/// The `filters` of SystemEvents: type, event, container, image, label, network, volume, daemon, scope, plugin and so
/// on.
Filter make_filter(std::map<std::string, std::vector<std::string>> wanted);

}  // namespace gantry::events
