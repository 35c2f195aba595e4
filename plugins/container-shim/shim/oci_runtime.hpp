#pragma once

#include <sys/types.h>

#include <string>

#include "container_shim/plan.hpp"

/// A child of the shim's on its way to be an OCI runtime of the host's: its standard streams and the report line are in
/// place, the working directory is the container's.
namespace gantry::container_shim {

/// An exec, in the container of that init.
struct OciExec {
  const ExecPlan& plan;
  const std::string& id;
  pid_t shim{};
  pid_t init{};
};

/// `create`: mounts the root where only this process and the container see it, and completes the bundle.
[[noreturn]] void run_oci_create(const Plan& plan, pid_t shim);

/// `start`. Its end is the answer.
[[noreturn]] void run_oci_start(const Plan& plan, pid_t shim, pid_t init);

/// `exec`, detached.
[[noreturn]] void run_oci_exec(const Plan& container, const OciExec& exec);

}  // namespace gantry::container_shim
