#pragma once

#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// Puts KEY=VALUE, as flags take it, into an object. Without a '=' the value is empty.
void set_pair(Json& object, const std::string& text);
/// All of `texts` as one object: the last of those with one key counts.
Json object_of_pairs(const std::vector<std::string>& texts);

}  // namespace gantry::cli
