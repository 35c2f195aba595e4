#pragma once

#include <string>

namespace hub {

/// Whether `prefix` ("docker.io/library", "quay.io") is one of the repository's name `name`, in whole components.
bool has_prefix(const std::string& name, const std::string& prefix);

/// Errors: invalid if `prefix` can be none; they name the option that it stands in.
void check_prefix(const std::string& prefix, const char* option);

}  // namespace hub
