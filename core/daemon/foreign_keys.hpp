#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace gantry::daemon {

/// Takes out of a configuration file the keys of dockerd's that mean nothing to this engine, and gives back which there
/// were. Errors: invalid, for a value that asks for what this engine does not do: to pass over it would be less than
/// its user believes to have.
std::vector<std::string> take_out_foreign_keys(nlohmann::json& content);

}  // namespace gantry::daemon
