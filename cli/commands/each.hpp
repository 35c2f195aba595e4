#pragma once

#include <functional>
#include <string>
#include <vector>

namespace gantry::cli {

/// Does `act` with each name and prints the name; a failure is printed at the end and does not keep the others from
/// their turn. Gives the exit code. `silent`: without the names.
int for_each_name(const std::vector<std::string>& names, const std::function<void(const std::string&)>& act,
                  bool silent = false);

}  // namespace gantry::cli
