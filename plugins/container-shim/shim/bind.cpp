#include "shim/bind.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

unsigned clone_flags(const PlanMount& mount) {
  return OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount.recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
}

UniqueFd clone_of(const UniqueFd& source, const PlanMount& mount) {
  if (!source) return {};
  return UniqueFd(::open_tree(source.get(), "", static_cast<unsigned>(AT_EMPTY_PATH) | clone_flags(mount)));
}

UniqueFd open_without_links(const PlanMount& mount) {
  return UniqueFd(
      openat2_retrying(AT_FDCWD, mount.source.c_str(), O_PATH, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
}

/// Only for a process of a single thread: it visits the other mount namespace.
UniqueFd clone_from_space(const PlanMount& mount) {
  const UniqueFd own(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const UniqueFd other(::open(mount.space.c_str(), O_RDONLY | O_CLOEXEC));
  if (!own || !root || !other || ::setns(other.get(), CLONE_NEWNS) < 0) return {};
  // Links in a container's own mounts are the container's to make: a magic one leads out.
  UniqueFd tree = clone_of(open_without_links(mount), mount);
  const int error = errno;
  // Back, with the root and the working directory from before: setns has changed both.
  if (::setns(own.get(), CLONE_NEWNS) < 0 || ::fchdir(root.get()) < 0 || ::chroot(".") < 0) return {};
  errno = error;
  return tree;
}

}  // namespace

UniqueFd open_base(const PlanMount& mount) {
  return mount.no_links ? open_without_links(mount)
                        : UniqueFd(::open(mount.source.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// A volume's content is its containers': a link that leads out of the volume ends the look-up (EXDEV). No link led to
// what is mounted: one that is there now a container has made.
UniqueFd open_below(int base, const PlanMount& mount) {
  const std::uint64_t links = mount.submount.empty() ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS;
  return UniqueFd(openat2_retrying(base, mount.subpath.c_str(), O_PATH, RESOLVE_BENEATH | links));
}

UniqueFd clone_below(int base, const PlanMount& mount) { return clone_of(open_below(base, mount), mount); }

UniqueFd clone_tree(const PlanMount& mount) {
  if (!mount.space.empty()) return clone_from_space(mount);
  if (!mount.subpath.empty()) {
    const UniqueFd base = open_base(mount);
    return base ? clone_below(base.get(), mount) : UniqueFd();
  }
  if (mount.no_links) return clone_of(open_without_links(mount), mount);
  const unsigned flags = clone_flags(mount);
  return UniqueFd(::open_tree(AT_FDCWD, mount.source.c_str(), flags));
}

int set_attributes(int tree, std::uint64_t attributes, std::uint64_t propagation, bool recursive,
                   std::uint64_t cleared) {
  mount_attr attr{};
  attr.attr_set = attributes;
  attr.attr_clr = cleared;
  attr.propagation = propagation;
  return ::mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

int map_ids(int tree, int user_namespace, bool recursive) {
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<std::uint64_t>(user_namespace);
  return ::mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

int move_onto(int tree, int target) {
  return ::move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int attach_bind(int tree, const PlanMount& mount, int target) {
  const std::uint64_t propagation =
      mount.propagation == 0 ? std::uint64_t{MS_PRIVATE} : mount.propagation & ~std::uint64_t{MS_REC};
  // A filesystem has had its flags since it was mounted.
  if (mount.bind && (mount.attributes | mount.cleared) != 0 &&
      set_attributes(tree, mount.attributes, 0, mount.attributes_recursive, mount.cleared) < 0) {
    return -1;
  }
  return set_attributes(tree, 0, propagation, true) < 0 ? -1 : move_onto(tree, target);
}

bool is_directory(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode);
}

}  // namespace gantry::container_shim
