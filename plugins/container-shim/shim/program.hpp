#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::container_shim {

struct Program {
  std::string path;
  Errc code{};
  std::string error;  ///< In dockerd's words; empty: found.
};

/// Looks a command up as Go's exec.LookPath does, with the process's own rights.
Program find_program(const std::string& name, const std::vector<std::string>& env);

/// The value of a variable, or nullptr.
const char* environment_value(const std::vector<std::string>& env, std::string_view name);

}  // namespace gantry::container_shim
