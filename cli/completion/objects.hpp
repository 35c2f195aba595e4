#pragma once

#include <functional>
#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

class Context;

/// The names of what the daemon has, as they are typed. Throw if it does not answer.
std::vector<std::string> container_names(Context& context, const std::function<bool(const std::string& state)>& fits);
std::vector<std::string> image_names(Context& context);
std::vector<std::string> network_names(Context& context);
std::vector<std::string> volume_names(Context& context);
/// The daemon's plugins of a kind: "Log", "Network", "Volume".
std::vector<std::string> plugin_names(Context& context, const char* kind);
std::vector<std::string> runtime_names(Context& context);

}  // namespace gantry::cli
