#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::container_shim {

/// The set of "CAP_CHOWN", ... as bits. Errors: invalid, naming the one that there is not.
std::uint64_t capability_set(const std::vector<std::string>& names);

/// Whether a set has the capability of that name; false for an unknown name.
bool has_capability(std::uint64_t set, std::string_view name);

/// Every capability that the kernel knows, whether the daemon has it or not.
std::uint64_t all_capabilities();

/// Those that this process could hand on: its bounding set.
std::uint64_t bounding_capabilities();

/// The names of a set.
std::vector<std::string> capability_names(std::uint64_t set);

}  // namespace gantry::container_shim
