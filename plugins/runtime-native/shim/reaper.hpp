#pragma once

#include "shim/report.hpp"

namespace gantry::native {

/// Forks; returns in the child. The parent, PID 1 of the container, forwards signals to it, reaps whatever dies and
/// ends as the child does.
void fork_behind_reaper(const ReportLine& line);

}  // namespace gantry::native
