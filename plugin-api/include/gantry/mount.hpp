#pragma once

#include <string>
#include <string_view>
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

/// Options of a bind for the runtime that performs it (capability "bind-lookup"), not for the kernel. "x-subpath=DIR":
/// what lies at DIR below the source; no link on the way may lead out of the source (RESOLVE_BENEATH of openat2(2)).
inline constexpr std::string_view kSubpathOption = "x-subpath=";
/// "x-mount-namespace=FILE": the source is one of that mount namespace, and no link leads to it.
inline constexpr std::string_view kMountNamespaceOption = "x-mount-namespace=";

}  // namespace gantry
