#pragma once

#include <string>

#include "command/context.hpp"
#include "commands/container_flags.hpp"

namespace gantry::cli {

/// Creates a container and gives its ID; gets the image first where the pull policy says so.
std::string create_container(Context& context, const ContainerFlags& options, const Json& body);

/// Throws Failure, with the hint that follows a command's own failures, if the policy is none of Docker's.
void check_pull_policy(const Context& context, const std::string& policy);

}  // namespace gantry::cli
