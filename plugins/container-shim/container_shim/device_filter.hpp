#pragma once

#include <string>
#include <vector>

#include "gantry/runtime.hpp"

namespace gantry::container_shim {

/// The rules as eBPF instructions of BPF_PROG_TYPE_CGROUP_DEVICE; what no rule allows is denied, the last rule that
/// matches decides.
std::string device_program(const std::vector<runtime::v1::DeviceRule>& rules);

/// What every container may use beside its rules: mknod of anything, the standard nodes and its own terminals (as
/// runc has it).
std::vector<runtime::v1::DeviceRule> with_default_rules(std::vector<runtime::v1::DeviceRule> rules);

/// The standard nodes that are in every /dev (OCI runtime spec, config-linux.md "Default Devices").
std::vector<runtime::v1::Device> with_default_devices(std::vector<runtime::v1::Device> devices);

}  // namespace gantry::container_shim
