#pragma once

#include <cstdint>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"

/// Mounts as detached trees: made where their source is seen, attached where their target is. Failures are in errno.
namespace gantry::container_shim {

/// A copy of what is mounted at a bind's source; no descriptor if that fails.
UniqueFd clone_tree(const PlanMount& mount);

/// The directory at the source of a mount with a subpath.
UniqueFd open_base(const PlanMount& mount);

/// What lies at the mount's subpath below the directory `base`; EXDEV: it leads out of that.
UniqueFd open_below(int base, const PlanMount& mount);

/// A copy of that.
UniqueFd clone_below(int base, const PlanMount& mount);

/// mount_setattr(2): MOUNT_ATTR_* to set, and a propagation or 0. `cleared`: what goes before, MOUNT_ATTR__ATIME where
/// how access times are kept is among `attributes`. 0, or -1.
int set_attributes(int tree, std::uint64_t attributes, std::uint64_t propagation, bool recursive,
                   std::uint64_t cleared = 0);

/// Shows the ids of the tree, which is nowhere yet, through the maps of a user namespace. 0, or -1 (EINVAL: its
/// filesystem cannot).
int map_ids(int tree, int user_namespace, bool recursive);

/// Shows the tree at `target`. 0, or -1.
int move_onto(int tree, int target);

/// Gives a mount's tree its propagation, and a bind's its attributes, and shows it at `target`. 0, or -1.
int attach_bind(int tree, const PlanMount& mount, int target);

bool is_directory(int fd);

}  // namespace gantry::container_shim
