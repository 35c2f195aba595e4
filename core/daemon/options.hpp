#pragma once

#include <optional>
#include <string>

#include "daemon/config.hpp"

namespace gantry::daemon {

/// What the command line says.
struct CommandLine {
  Config config;  ///< Defaults and flags.
  std::string config_file = "/etc/gantry/daemon.json";
  bool config_file_given{};
  bool validate{};  ///< Check the config and end.
};

/// Reads the command line; the status to end with if there is nothing more to do (--help, --version, a mistake).
std::optional<int> parse_command_line(int argc, char** argv, CommandLine& out);

}  // namespace gantry::daemon
