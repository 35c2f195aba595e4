#include "stage_state.hpp"

#include <vector>

namespace gantry::dockerfile {
namespace {

/// Of a string beside what is in it.
constexpr std::size_t kOverhead = 48;

std::size_t weight_of_strings(const std::vector<std::string>& strings) {
  std::size_t out = 0;
  for (const std::string& one : strings) out += kOverhead + one.size();
  return out;
}

}  // namespace

std::size_t weight_of(const StageState& state) {
  const builder::v1::Config& config = state.config;
  std::size_t out = sizeof(state) + state.author.size() + config.user.size() + config.working_dir.size();
  for (const auto* strings : {&config.exposed_ports, &config.env, &config.entrypoint, &config.cmd, &config.volumes,
                              &config.shell, &config.on_build}) {
    out += weight_of_strings(*strings);
  }
  if (config.health_check) out += weight_of_strings(config.health_check->test);
  for (const auto& [name, value] : config.labels) out += 2 * kOverhead + name.size() + value.size();
  for (const auto& [name, value] : state.arguments) out += 2 * kOverhead + name.size() + value.value_or("").size();
  return out;
}

}  // namespace gantry::dockerfile
