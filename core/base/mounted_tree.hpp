#pragma once

#include <vector>

#include "gantry/mount.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry {

/// A storage driver's mounts, mounted where nobody sees them: in no mount table of the host, gone when this is
/// destroyed or when the daemon dies. For copying out of and into containers that do not run; of one that runs, use
/// /proc/<its init>/root instead: the kernel does not support two overlay mounts over one upper directory.
class MountedTree {
 public:
  /// Blocks. The first of `mounts` is the root, the others go into it at their targets, which are the storage driver's.
  /// Those of `places` are a container's volumes and binds: links on the way to them are resolved inside of the tree,
  /// and what is missing is made. Errors: invalid, io.
  explicit MountedTree(const std::vector<Mount>& mounts, const std::vector<Mount>& places = {});

  /// The root directory. Resolve paths from it as base/root_path.hpp does: links inside of it are a container's.
  [[nodiscard]] int fd() const noexcept { return root_.get(); }

 private:
  UniqueFd root_;
};

}  // namespace gantry
