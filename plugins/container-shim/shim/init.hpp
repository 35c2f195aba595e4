#pragma once

#include "container_shim/plan.hpp"

namespace gantry::container_shim {

/// The descriptors of a process on its way into the container; its standard streams are in place.
inline constexpr int kReportFd = 3;
inline constexpr int kProgramFd = 4;  ///< Of the init: the static init, or none.
inline constexpr int kLabelFd = 4;    ///< Of the builtin init: where its AppArmor profile is written to, or none.
inline constexpr int kTargetFd = 4;   ///< Of an exec: the container's init.

/// The container's init: makes the container around itself and executes the process. Runs in the new namespaces.
[[noreturn]] void run_init(const Plan& plan);

/// One more process in the container of the init that kTargetFd is a pidfd of.
[[noreturn]] void run_exec(const Plan& container, const PlanProcess& process);

}  // namespace gantry::container_shim
