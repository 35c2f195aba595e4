#pragma once

#include <string>
#include <vector>

namespace gantry {

/// A mount as data (OCI runtime spec, config.md "Mounts"; mount(8) for the options). Storage and volume
/// drivers answer with it; the runtime performs it inside the container's own mount namespace, so the host's
/// mount table stays empty and the container's death cleans up. Frozen.
struct Mount {
  std::string type;    ///< "bind", "overlay", "tmpfs", "proc" or any other filesystem of the kernel's.
  std::string source;  ///< For a bind an absolute host path (file or directory); else what mount(2) takes.
  std::string target;  ///< Absolute inside the container; empty for a mount that is the root itself.
  std::string base;    ///< Absolute host directory that relative paths in `options` start from; may be empty.
  /// As in fstab: "ro", "rbind", "nosuid", "nodev", "noexec", "rprivate", "rslave", "rro" (recursively
  /// read-only), ...; what is not a flag of the kernel's is passed to the filesystem ("lowerdir=...").
  std::vector<std::string> options;
};

}  // namespace gantry
