#pragma once

#include <string>

#include "gantry/unique_fd.hpp"
#include "plan.hpp"
#include "shim/report.hpp"

namespace gantry::native {

/// The common end of an init's and an exec's way, inside of the container: user, working directory, rights, wait for
/// the start, execve.
/// `waits`: for the start; else it has come already. `label`: of `open_apparmor_label`, for the builtin init.
[[noreturn]] void launch(const PlanProcess& process, const std::string& seccomp, InitKind init, bool waits,
                         UniqueFd label, const ReportLine& line);

}  // namespace gantry::native
