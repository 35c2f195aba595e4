#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace gantry::oci {

/// "linux.seccomp" for a Spec's `seccomp` and a process's capabilities: what of the profile holds for them and for this
/// host. Null for "unconfined". Errors: invalid.
nlohmann::json seccomp_section(const std::string& profile, std::uint64_t capabilities);

}  // namespace gantry::oci
