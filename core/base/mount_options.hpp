#pragma once

#include <string>
#include <vector>

namespace gantry {

/// mount(2)'s view of fstab's options.
struct MountOptions {
  unsigned long flags{};
  unsigned long propagation{};  ///< MS_PRIVATE, ... ; 0 if not given.
  std::string subpath;          ///< Of kSubpathOption, for whoever performs the mount.
  std::string data;             ///< What is not a flag, for the filesystem.
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

}  // namespace gantry
