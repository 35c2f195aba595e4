#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "container_shim/plan.hpp"
#include "gantry/runtime.hpp"

namespace gantry::oci {

/// "linux" of a bundle's config.json (OCI runtime spec, config-linux.md). Errors: unsupported, invalid.
nlohmann::json linux_section(const runtime::v1::Spec& spec, const container_shim::Plan& plan,
                             const std::string& cgroup_parent);

/// Whether it is one of a network interface, which comes after the container: "net.ipv4.conf.eth0.forwarding".
bool is_of_interface(const std::string& sysctl);

/// "linux.resources" without the devices.
nlohmann::json resources_section(const runtime::v1::Resources& resources);

}  // namespace gantry::oci
