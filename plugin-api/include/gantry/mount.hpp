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

/// An option for the runtime (capability "idmap"), without effect where the container has no user namespace: the ids on
/// disk are the container's own, so the mount shows them through the maps of its user namespace (mount_setattr(2),
/// MOUNT_ATTR_IDMAP). Of an overlay it is the directories in its options that are mapped: it has a `base`, and they are
/// relative to that, on its filesystem. The daemon sets it; a storage driver need not.
inline constexpr std::string_view kIdMapOption = "x-idmap";
/// An option of a bind for the runtime (capability "idmap"): no symbolic link is followed on the way to the source
/// (RESOLVE_NO_SYMLINKS). The daemon has judged that path, and what others make of it meanwhile must not be shown.
inline constexpr std::string_view kNoLinksOption = "x-no-links";
/// What a volume driver says of a volume whose ids on disk are the host's (a directory of the host's own): the daemon
/// does not set kIdMapOption for it, and passes this one on to nobody.
inline constexpr std::string_view kHostIdsOption = "x-host-ids";

}  // namespace gantry
