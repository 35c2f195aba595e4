#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

/// `--filter name=value`, each checked, as the API's `filters` parameter; empty if there is none. Throws InvalidValue.
std::string filters_parameter(const std::vector<std::string>& filters);
/// Checks one when it is read.
void check_filter(const std::string& filter);

}  // namespace gantry::cli
