#pragma once

#include <string>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

namespace gantry::container_shim {

/// The common end of an init's and an exec's way, inside of the container: user, working directory, rights, wait for
/// the start, execve.
/// `waits`: for the start; else it has come already. `label`: of `open_apparmor_label`, for the builtin init.
[[noreturn]] void launch(const PlanProcess& process, const std::string& seccomp, InitKind init, bool waits,
                         UniqueFd label, const ReportLine& line);

/// For an execve: it keeps the signal mask and what is ignored.
void reset_signals();

}  // namespace gantry::container_shim
