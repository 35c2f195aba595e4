#pragma once

#include <string>
#include <vector>

#include "json.hpp"

namespace gantry::cli {

/// Each throws InvalidValue.
Json parse_ulimit(const std::string& text);
/// Keeps them sorted; one of a name that is there replaces it.
void add_ulimit(Json& limits, Json limit);
Json parse_weight_device(const std::string& text);
/// `bytes`: the rate may have a unit.
Json parse_throttle_device(const std::string& text, bool bytes);
Json parse_gpus(const std::string& text);
/// One `--device`: all devices that it names.
bool is_cdi_name(const std::string& text);
Json parse_device(const std::string& text);
std::string parse_device_rule(const std::string& text);
Json parse_restart_policy(const std::string& text);
std::string parse_sysctl(const std::string& text);

/// `--cap-add` and `--cap-drop` as the daemon gets them: "NET_ADMIN" is "CAP_NET_ADMIN", what is added is not dropped.
struct Capabilities {
  std::vector<std::string> added;
  std::vector<std::string> dropped;
};
Capabilities effective_capabilities(const std::vector<std::string>& add, const std::vector<std::string>& drop);

}  // namespace gantry::cli
