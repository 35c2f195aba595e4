#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "volumes/volume.hpp"

namespace gantry::volumes {

/// The `filters` of a request: names to values, any of which will do.
using Filters = std::map<std::string, std::vector<std::string>>;

/// Which volumes to list. `is_used` tells whether a container names a volume.
/// Takes dangling, driver, label, name. Errors: invalid, in dockerd's words.
std::function<bool(const Volume&)> list_filter(const Filters& filters, std::function<bool(const Volume&)> is_used);

/// Which unused volumes to prune: `anonymous_only` unless the filter `all` is true.
/// Takes all, label, label!. Errors: invalid, in dockerd's words.
std::function<bool(const Volume&)> prune_filter(const Filters& filters, bool anonymous_only);

}  // namespace gantry::volumes
