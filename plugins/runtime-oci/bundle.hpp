#pragma once

#include <functional>
#include <string>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::oci {

/// Where a bundle is, and what is put into it from outside of the specification.
struct BundlePlace {
  std::string directory;      ///< The bundle: config.json, and the root's mount point.
  std::string cgroup_parent;  ///< Normalized.
  std::string init;           ///< Host path of the static init in front of the process; empty: none.
  /// What is mounted below a directory of the host's: paths relative to it, parents first.
  std::function<std::vector<std::string>(const std::string&)> submounts;
};

struct Bundle {
  container_shim::PlanDocument config;  ///< OCI runtime spec, config.md.
  /// What no OCI runtime can mount (a part of a volume, another container's mounts; in a user namespace whatever is of
  /// the host's): the shim does, number N at oci_mount(directory, N), and `config` has binds of that.
  std::vector<container_shim::PlanMount> prepared;
  std::vector<container_shim::PlanWrite> late_sysctls;  ///< The shim's as well, once the network is there.
};

/// `plan`: the specification, translated. Errors: unsupported, invalid.
Bundle make_bundle(const runtime::v1::Spec& spec, const container_shim::Plan& plan, const BundlePlace& place);

}  // namespace gantry::oci
