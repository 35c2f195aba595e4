#pragma once

#include <string>
#include <string_view>

namespace gantry::containers {

/// Errors: invalid, in dockerd's words.
[[noreturn]] void throw_invalid_name(const std::string& name);

/// Whether it matches [a-zA-Z0-9][a-zA-Z0-9_.-]+.
bool is_valid_name(std::string_view name) noexcept;

/// "brave_lovelace": for a container that was not given a name.
std::string random_name();

}  // namespace gantry::containers
