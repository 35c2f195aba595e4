#pragma once

#include <string>

#include "shim/report.hpp"

namespace gantry::container_shim {

/// Forks; returns in the child. The parent, PID 1 of the container, forwards signals to it, reaps whatever dies and
/// ends as the child does. `label`: of `open_apparmor_label`, or -1; the parent goes under `profile`, or the container
/// could not signal its own init.
void fork_behind_reaper(int label, const std::string& profile, const ReportLine& line);

/// As a program of its own, `docker-init -- PROGRAM ARGUMENT...`: the same for a container that an OCI runtime makes.
[[noreturn]] void run_as_init(char** arguments);

}  // namespace gantry::container_shim
