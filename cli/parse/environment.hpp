#pragma once

#include <string>
#include <vector>

namespace gantry::cli {

/// Checks one `--env`; a name alone takes its value from this process's environment. Throws InvalidValue.
std::string parse_env(const std::string& text);

/// The lines of env or label files, then `values`. A name alone takes its value from the environment if
/// `from_environment` is set and is left out if there is none. Throws Failure.
std::vector<std::string> read_key_values(const std::vector<std::string>& files, const std::vector<std::string>& values,
                                         const char* kind, bool from_environment);

}  // namespace gantry::cli
