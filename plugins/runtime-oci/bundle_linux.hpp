#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::oci {

/// "linux" of a bundle's config.json (OCI runtime spec, config-linux.md). Errors: unsupported, invalid.
nlohmann::json linux_section(const runtime::v1::Spec& spec, const container_shim::Plan& plan,
                             const std::string& cgroup_parent);

/// Whether the runtime cannot write it when it makes the container: one of a network interface, which comes later
/// ("net.ipv4.conf.eth0.forwarding"), or, in a user namespace, one of the host's root's.
bool is_late_sysctl(const std::string& sysctl, bool remapped);

/// "linux.resources" without the devices.
nlohmann::json resources_section(const runtime::v1::Resources& resources);

}  // namespace gantry::oci
