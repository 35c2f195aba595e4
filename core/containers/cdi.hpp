#pragma once

#include <string>
#include <vector>

#include "containers/container.hpp"
#include "gantry/runtime.hpp"

/// Devices by name, as the Container Device Interface has them (github.com/cncf-tags/container-device-interface):
/// "vendor.com/class=name" stands for nodes, mounts and variables that a file in /etc/cdi or /var/run/cdi lists.
namespace gantry::containers {

/// What a container gets for the devices that it was given by name.
struct CdiEdits {
  std::vector<std::string> env;
  std::vector<wire::DeviceMapping> devices;  ///< With the numbers of the host's nodes, whatever a file says.
  std::vector<Mount> mounts;
  bool wants_hooks{};  ///< Programs to be run by the runtime, which are left out: a creation warns of it.
};

/// The names that a container's device requests ask for: those of the driver "cdi", and GPUs if there is a file for
/// the kind nvidia.com/gpu. `rest`: requests of other drivers, which nobody can answer.
std::vector<std::string> cdi_names(const std::vector<wire::DeviceRequest>& requests,
                                   std::vector<wire::DeviceRequest>& rest, const std::vector<std::string>& folders);

/// All of it. Blocks. Errors: invalid ("could not select device driver ...", and as `cdi_edits`).
CdiEdits named_devices(const std::vector<wire::DeviceRequest>& requests, const std::vector<std::string>& folders);

/// The names of all devices that the files describe, in order. Blocks.
std::vector<std::string> all_cdi_names(const std::vector<std::string>& folders);

/// Blocks. Errors: invalid ("CDI device injection failed: ...").
CdiEdits cdi_edits(const std::vector<std::string>& names, const std::vector<std::string>& folders);

}  // namespace gantry::containers
