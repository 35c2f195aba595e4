#pragma once

#include <sys/types.h>

#include <string>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

/// The maps of a container's user namespace.
namespace gantry::container_shim {

/// Gives the user namespace of `pid` the plan's maps. 0, or errno; then `file` is what could not be written.
int write_id_maps(const Plan& plan, pid_t pid, std::string& file);

/// What to do about a user namespace that the kernel refuses to make, for the end of a message; nullptr if errno says
/// something else.
const char* user_namespace_advice(int error);

/// A user namespace with the plan's maps, or the one that the container joins: for mounts that show ids through it.
UniqueFd user_namespace_with_maps(const Plan& plan, const ReportLine& line);

}  // namespace gantry::container_shim
