#pragma once

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

namespace gantry::container_shim {

/// A terminal's slave; its master is with the shim.
/// `root`: of the container, or AT_FDCWD once the process is inside.
UniqueFd open_terminal(int root, const PlanProcess& process, const ReportLine& line);

/// Makes the slave the process's controlling terminal and its standard streams.
void take_terminal(UniqueFd slave, const ReportLine& line);

}  // namespace gantry::container_shim
