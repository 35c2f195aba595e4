#pragma once

#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"

namespace gantry::container_shim {

struct OciGround {
  UniqueFd root;
  std::vector<const PlanMount*> left_out;  ///< Submounts that have gone, or that the container's root cannot reach.
};

/// Mounts what a bundle's config.json refers to, in a mount namespace that only the caller, the runtime and the
/// container see: the root; the plan's mounts and, with a user namespace, the device nodes outside of /dev, each at its
/// place below kOciMountsDirectory. With a user namespace the way to the bundle is opened to everybody there.
OciGround lay_oci_mounts(const Plan& plan, const ReportLine& line);

}  // namespace gantry::container_shim
