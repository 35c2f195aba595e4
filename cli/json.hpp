#pragma once

#include <nlohmann/json_fwd.hpp>

namespace gantry::cli {

/// JSON that keeps the daemon's order of keys, since the user sees it.
using Json = nlohmann::ordered_json;

}  // namespace gantry::cli
