#pragma once

#include <string>

#include "container_shim/plan.hpp"
#include "shim/passwd.hpp"
#include "shim/report.hpp"

/// What a process may do, taken away in the only order that works.
namespace gantry::container_shim {

/// Limits and the OOM score: written through the host's /proc, so before the process enters the container.
void apply_limits(const PlanProcess& process, const ReportLine& line);

/// The same for another process, by the host's root: that of a user namespace may not raise any. Empty, or what failed.
std::string limit_process(pid_t pid, const PlanProcess& process);

/// The labels of security modules, for the program to come.
void apply_labels(const PlanProcess& process, const ReportLine& line);

/// For what stays without an execve, which would change its profile: the file that "changeprofile NAME" is written to,
/// by the process that opened it. None without a profile. Through the host's /proc, too.
UniqueFd open_apparmor_label(const PlanProcess& process, const ReportLine& line);

/// Becomes the user, but keeps what `restrict_finally` needs.
void become_user(const PlanProcess& process, const Identity& identity, const ReportLine& line);

/// The last step before execve: the final capabilities and the system call filter.
void restrict_finally(const PlanProcess& process, const Identity& identity, const std::string& seccomp,
                      const ReportLine& line);

}  // namespace gantry::container_shim
