#pragma once

#include <string>
#include <vector>

#include "containers/service.hpp"

/// Refuses what cannot be done, before anything is done. All errors: invalid, in dockerd's words.
namespace gantry::containers {

/// Checks a creation as the user asked for it. Adds warnings.
void validate(const wire::ContainerConfig& config, const wire::HostConfig& host, std::vector<std::string>& warnings);

/// Limits; also for `update`. Adds warnings.
void validate_resources(const wire::Resources& resources, std::vector<std::string>& warnings);

/// Takes out weights of block devices where the kernel has none, with dockerd's warnings.
void discard_weights(wire::Resources& resources, std::vector<std::string>& warnings);

void validate_restart_policy(const wire::RestartPolicy& policy, bool auto_remove);

/// "SIGTERM", "term" or "15" as a number. Errors: invalid ("Invalid signal: x").
int parse_signal(const std::string& text);

/// What ends a container gently. As dockerd: SIGTERM if it names none, or, by its image, one that there is not.
int stop_signal(const wire::ContainerConfig& config);

}  // namespace gantry::containers
