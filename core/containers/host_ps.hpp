#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "containers/service.hpp"

namespace gantry::containers {

/// Errors: invalid, if a column is to bear PID's name.
void check_ps_arguments(const std::string& arguments);

/// What the host's ps(1) says of some processes, asked as dockerd asks it. Nothing if the host has none. Blocks.
/// Errors: invalid (what ps complains of; there is no column of PIDs), io.
std::optional<Processes> ask_ps(const std::string& arguments, const std::vector<std::int64_t>& pids);

/// What its output says. Errors: invalid.
Processes parse_ps_output(const std::string& output, const std::vector<std::int64_t>& pids);

}  // namespace gantry::containers
