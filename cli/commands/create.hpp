#pragma once

#include <string>

#include "command/context.hpp"
#include "commands/container_flags.hpp"
#include "terminal/signals.hpp"

namespace gantry::cli {

/// Creates a container and gives its ID; gets the image first where the pull policy says so. `interruption`, if there
/// is one, holds but for that.
std::string create_container(Context& context, const ContainerFlags& options, const Json& body,
                             Interruption* interruption = nullptr);

/// Throws Failure, with the hint that follows a command's own failures, if the policy is none of Docker's.
void check_pull_policy(const Context& context, const std::string& policy);

}  // namespace gantry::cli
