#pragma once

#include <string>

#include "json.hpp"

namespace gantry::cli {

/// One row of `stats` of what the API says; `name` as the user gave it.
Json usage_row(const Json& stats, const std::string& name, bool truncate);
/// The row of a container of which nothing is known yet.
Json unknown_usage_row(const std::string& name);

}  // namespace gantry::cli
