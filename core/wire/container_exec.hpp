#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// The bodies of ContainerExec and ExecStart.
namespace gantry::wire {

/// API: ExecConfig.
struct ExecConfig {
  std::string user;
  bool privileged{};
  bool tty{};
  std::vector<std::uint32_t> console_size;  ///< Height, width.
  bool attach_stdin{};
  bool attach_stderr{};
  bool attach_stdout{};
  std::string detach_keys;
  std::vector<std::string> env;
  std::string working_dir;
  std::vector<std::string> cmd;
};

/// API: ExecStartConfig.
struct ExecStartConfig {
  bool detach{};
  bool tty{};
  std::vector<std::uint32_t> console_size;
};

nlohmann::ordered_json to_json(const ExecConfig& config);
nlohmann::ordered_json to_json(const ExecStartConfig& config);

/// Errors: invalid (a member of the wrong type).
void from_json(const nlohmann::json& in, ExecConfig& config);
void from_json(const nlohmann::json& in, ExecStartConfig& config);

}  // namespace gantry::wire
