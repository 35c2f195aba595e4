#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "arguments.hpp"
#include "gantry/call.hpp"
#include "instruction.hpp"
#include "schedule.hpp"

namespace gantry::dockerfile {

/// The stage that a name means, or a number, among those before one.
std::optional<std::size_t> find_stage(const Recipe& recipe, const std::string& name, std::size_t before);
/// The same for FROM: "FROM 0" is an image.
std::optional<std::size_t> find_base_stage(const Recipe& recipe, const std::string& name, std::size_t before);

/// The stages without which there is no stage `last`, it among them, each with those that it takes something from.
/// Errors: invalid; cancelled.
Schedule::Dependencies needed_stages(const Recipe& recipe, const Arguments& arguments, std::size_t last,
                                     const Call& call);

}  // namespace gantry::dockerfile
