#include "shim/host_trees.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/bind.hpp"
#include "shim/bind_source.hpp"
#include "shim/dev_links.hpp"
#include "shim/filesystem_identity.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// How many directories the options of an overlay go up from its base: all that they name is below that one.
int levels_up(const std::string& options) {
  int most = 0;
  int level = 0;
  for (std::size_t at = 0; at < options.size();) {
    const bool begins = at == 0 || options[at - 1] == ':' || options[at - 1] == '=' || options[at - 1] == '/';
    if (begins && options.compare(at, 3, "../") == 0) {
      most = std::max(most, ++level);
      at += 3;
      continue;
    }
    level = 0;
    ++at;
  }
  return most;
}

}  // namespace

UniqueFd HostTrees::of_bind(const PlanMount& mount) const {
  UniqueFd tree = clone_source(mount, line_);
  if (tree && mount.idmap) map(tree.get(), mount.source, mount.recursive);
  return tree;
}

// mount(2) and not fsconfig(2), which cuts long options off.
UniqueFd HostTrees::of_filesystem(const PlanMount& mount) const {
  if (mount.type == "overlay" && mount.idmap) return of_mapped_overlay(mount);
  if (!mount.base.empty() && ::chdir(mount.base.c_str()) < 0) line_.fail_errno("chdir " + mount.base);
  mount_on_scratch(mount, mount.data);
  UniqueFd tree = take_scratch(1);
  if (mount.idmap) map(tree.get(), mount.source, false);
  return tree;
}

void HostTrees::map(int tree, const std::string& what, bool recursive) const {
  if (map_ids(tree, user_, recursive) == 0) return;
  if (errno != EINVAL) line_.fail_errno("map the ids of " + what);
  line_.fail(Errc::unsupported, "cannot map the ids of " + what +
                                    " to the container's user namespace: its filesystem takes no idmapped mounts with "
                                    "this kernel; put it on ext4, xfs or btrfs, or run the container with "
                                    "--userns=host");
}

UniqueFd HostTrees::of_mapped_overlay(const PlanMount& mount) const {
  const int up = levels_up(mount.data);
  std::string inside;
  std::string ground = mount.base;
  for (int level = 0; level < up; ++level) {
    const std::size_t slash = ground.rfind('/');
    if (slash == std::string::npos) break;
    inside.insert(0, ground.substr(slash));
    ground.resize(slash);
  }
  if (ground.empty()) line_.fail(Errc::invalid, "an overlay with mapped ids needs a base below the host's root");
  const UniqueFd layers(::open_tree(AT_FDCWD, ground.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!layers) line_.fail_errno("open_tree " + ground);
  map(layers.get(), ground, false);
  const UniqueFd target(::open(scratch_.c_str(), O_PATH | O_CLOEXEC));
  if (!target || move_onto(layers.get(), target.get()) < 0) line_.fail_errno("mount " + ground);
  if (::chdir((scratch_ + inside).c_str()) < 0) line_.fail_errno("chdir " + mount.base);
  // What the overlay makes by itself (its work directory, copies) is the container's root's.
  const FilesystemIdentity identity(plan_.root_uid, plan_.root_gid);
  mount_on_scratch(mount, mount.data);
  return take_scratch(2);
}

void HostTrees::mount_on_scratch(const PlanMount& mount, const std::string& data) const {
  const std::string source = mount.source.empty() ? mount.type : mount.source;
  if (::mount(source.c_str(), scratch_.c_str(), mount.type.c_str(), mount.flags, data.c_str()) == 0) return;
  const std::string what = mount.target.empty()
                               ? "mount the root (" + mount.type + ")"
                               : "error mounting \"" + source + "\" to rootfs at \"" + mount.target + "\"";
  if (mount.idmap && mount.type == "overlay" && errno == EINVAL) {
    line_.fail(Errc::unsupported, what +
                                      ": overlayfs takes layers with mapped ids since Linux 5.19; choose the storage "
                                      "driver \"vfs\", or run the container with --userns=host");
  }
  line_.fail_errno(what);
}

/// The topmost mount there, as one of its own; `mounts` of them go.
UniqueFd HostTrees::take_scratch(int mounts) const {
  UniqueFd tree(::open_tree(AT_FDCWD, scratch_.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) line_.fail_errno("open_tree " + scratch_);
  if (::chdir("/") < 0) line_.fail_errno("chdir /");
  for (int i = 0; i < mounts; ++i) {
    if (::umount2(scratch_.c_str(), MNT_DETACH) < 0) line_.fail_errno("unmount " + scratch_);
  }
  return tree;
}

std::string HostTrees::owner_options() const {
  return "uid=" + number(plan_.root_uid) + ",gid=" + number(plan_.root_gid);
}

UniqueFd HostTrees::of_dev(const PlanMount& mount) const {
  mount_on_scratch(mount, mount.data.empty() ? owner_options() : mount.data + "," + owner_options());
  const UniqueFd root(::open(scratch_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) line_.fail_errno("open /dev");
  const FilesystemIdentity identity(plan_.root_uid, plan_.root_gid);  // whose the directories and links are
  for (const PlanDevice& device : plan_.devices) {
    if (is_in_dev(device)) make_node(root.get(), device, device.path.substr(4));
  }
  make_dev_links(root.get(), line_);
  // crun does not make it where /dev is a bind.
  if (plan_.process.terminal) UniqueFd(::openat(root.get(), "console", O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  return take_scratch(1);
}

void HostTrees::make_node(int root, const PlanDevice& device, const std::string& path) const {
  const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  const UniqueFd parent = open_target(root, directory, true);
  const std::string name = path.substr(path.rfind('/') + 1);
  if (!parent) line_.fail_errno("create device node " + device.path);
  // An owner is set there: a name that leads elsewhere would be given one.
  if (name.empty() || name == "." || name == "..") line_.fail(Errc::invalid, "invalid device path " + device.path);
  if (::mknodat(parent.get(), name.c_str(), device.mode, ::makedev(device.major, device.minor)) < 0 &&
      errno != EEXIST) {
    line_.fail_errno("create device node " + device.path);
  }
  if (::fchownat(parent.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) < 0) {
    line_.fail_errno("set the owner of device node " + device.path);
  }
}

std::vector<UniqueFd> HostTrees::of_nodes() const {
  std::vector<UniqueFd> made;
  if (std::all_of(plan_.devices.begin(), plan_.devices.end(), is_in_dev)) return made;
  PlanMount mount;
  mount.type = "tmpfs";
  mount.target = "device nodes";
  mount.flags = MS_NOSUID;
  mount_on_scratch(mount, "mode=755," + owner_options());
  const UniqueFd root(::open(scratch_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const PlanDevice& device : plan_.devices) {
    if (is_in_dev(device)) continue;
    const std::string path = "/" + number(static_cast<std::int64_t>(made.size()));
    make_node(root.get(), device, path);
    made.emplace_back(::open_tree(root.get(), path.c_str() + 1, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!made.back()) line_.fail_errno("create device node " + device.path);
  }
  if (::umount2(scratch_.c_str(), MNT_DETACH) < 0) line_.fail_errno("unmount " + scratch_);
  return made;
}

}  // namespace gantry::container_shim
