#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/dev_links.hpp"
#include "shim/mounts.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

bool has_own_dev(const std::vector<PlanMount>& mounts) { return std::any_of(mounts.begin(), mounts.end(), is_own_dev); }

std::string directory_of(const std::string& path) { return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)); }

}  // namespace

void Rootfs::show_device(const PlanDevice& device, int node) {
  const UniqueFd parent = open_target(root_.get(), directory_of(device.path), true);
  if (!parent) line_.fail_errno("create device node " + device.path);
  const std::string name = device.path.substr(device.path.rfind('/') + 1);
  const UniqueFd made(
      ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
  const UniqueFd target(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!target || ::move_mount(node, "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    line_.fail_errno("bind device node " + device.path);
  }
}

void Rootfs::make_device(const PlanDevice& device) {
  const UniqueFd parent = open_target(root_.get(), directory_of(device.path), true);
  if (!parent) line_.fail_errno("create device node " + device.path);
  const std::string name = device.path.substr(device.path.rfind('/') + 1);
  if (::mknodat(parent.get(), name.c_str(), device.mode, ::makedev(device.major, device.minor)) < 0) {
    if (errno == EEXIST) return;
    line_.fail_errno("create device node " + device.path);
  }
  // No chmod: the umask is 0 here, and by the name one would follow a link that another container, which shares a
  // volume with this one, has put in the node's place.
  if (::fchownat(parent.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) < 0) {
    line_.fail_errno("set the owner of device node " + device.path);
  }
}

void Rootfs::make_devices() {
  if (!has_own_dev(plan_.mounts)) return;
  if (is_remapped(plan_)) {
    // mknod(2) is for the host's root: those in /dev came with it.
    std::size_t next = 0;
    for (const PlanDevice& device : plan_.devices) {
      if (!is_in_dev(device)) show_device(device, nodes_[next++].get());
    }
  } else {
    for (const PlanDevice& device : plan_.devices) make_device(device);
  }
  const UniqueFd dev(openat2_in_root(root_.get(), "/dev", O_PATH | O_DIRECTORY));
  if (!dev) line_.fail_errno("open /dev");
  make_dev_links(dev.get(), line_);
}

void Rootfs::bind_console(int slave) {
  const UniqueFd dev(openat2_in_root(root_.get(), "/dev", O_PATH | O_DIRECTORY));
  if (!dev) line_.fail_errno("open /dev");
  const UniqueFd made(::openat(dev.get(), "console", O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  // Neither end by name: both could have been swapped for links (CVE-2025-52565).
  const UniqueFd target(::openat(dev.get(), "console", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const UniqueFd tree(::open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!target || !tree ||
      ::move_mount(tree.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    line_.fail_errno("mount /dev/console");
  }
}

}  // namespace gantry::container_shim
