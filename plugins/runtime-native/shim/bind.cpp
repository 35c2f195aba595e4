#include "shim/bind.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace gantry::native {

UniqueFd clone_tree(const PlanMount& mount) {
  const unsigned flags =
      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  return UniqueFd(::open_tree(AT_FDCWD, mount.source.c_str(), flags));
}

int set_attributes(int tree, std::uint64_t attributes, std::uint64_t propagation, bool recursive) {
  mount_attr attr{};
  attr.attr_set = attributes;
  attr.propagation = propagation;
  return ::mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

int move_onto(int tree, int target) {
  return ::move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int attach_bind(int tree, const PlanMount& mount, int target) {
  const std::uint64_t propagation =
      mount.propagation == 0 ? std::uint64_t{MS_PRIVATE} : mount.propagation & ~std::uint64_t{MS_REC};
  if (mount.attributes != 0 && set_attributes(tree, mount.attributes, 0, mount.attributes_recursive) < 0) return -1;
  return set_attributes(tree, 0, propagation, true) < 0 ? -1 : move_onto(tree, target);
}

bool is_directory(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode);
}

}  // namespace gantry::native
