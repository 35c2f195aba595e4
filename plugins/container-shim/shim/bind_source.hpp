#pragma once

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

namespace gantry::container_shim {

/// A copy of what is mounted at a bind's source, below the subpath if it has one; no descriptor of a submount that has
/// gone.
UniqueFd clone_source(const PlanMount& mount, const ReportLine& line);

/// What is not below a mount's subpath, in dockerd's words.
[[noreturn]] void fail_below(const PlanMount& mount, int error, const ReportLine& line);

}  // namespace gantry::container_shim
