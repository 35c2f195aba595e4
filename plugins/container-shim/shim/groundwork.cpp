#include "shim/groundwork.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <vector>

#include "container_shim/message.hpp"
#include "container_shim/protocol.hpp"
#include "shim/bind.hpp"
#include "shim/bind_source.hpp"
#include "shim/filesystem_identity.hpp"
#include "shim/report.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

bool is_dev(const PlanMount& mount) { return mount.target == "/dev" && mount.type == "tmpfs"; }

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

class Groundwork {
 public:
  Groundwork(const Plan& plan, const GroundworkSubject& subject)
      : plan_(plan), subject_(subject), line_(subject.line), scratch_(plan.directory + "/" + kRootDirectory) {}

  void lay() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::umask(0);
    enter();
    write_sysctls();
    make_trees();
    // What the host mounts or takes away from here on is no matter of the container's.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) line_.fail_errno("make mounts private");
    make_filesystems();
    hand_root_over();
    for (std::size_t i = 1; i < root_trees_.size(); ++i) send(root_trees_[i].get());
    for (const UniqueFd& tree : trees_) {
      if (tree) send(tree.get());
    }
    for (const UniqueFd& node : nodes()) send(node.get());
  }

 private:
  void enter() {
    user_.reset(::open(("/proc/" + number(subject_.init) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    if (!user_) line_.fail_errno("open the user namespace");
    std::vector<UniqueFd> joined;
    for (const PlanNamespace& space : plan_.joined_namespaces) {
      if (space.flag != CLONE_NEWNET && space.flag != CLONE_NEWIPC) continue;
      joined.emplace_back(::open(space.path.c_str(), O_RDONLY | O_CLOEXEC));
      if (!joined.back()) line_.fail_errno("open namespace " + space.path);
    }
    const std::uint64_t own = plan_.new_namespaces & (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET);
    if (::setns(subject_.pidfd, static_cast<int>(own)) < 0) line_.fail_errno("join the namespaces of the init");
    for (const UniqueFd& space : joined) {
      if (::setns(space.get(), 0) < 0) line_.fail_errno("join a namespace");
    }
  }

  /// Those of the network are for the init, which owns it. Whose the others are depends on the kernel: the host's
  /// root's, or, since Linux 6.9, that of the user namespace.
  void write_sysctls() const {
    for (const PlanWrite& write : plan_.sysctls) {
      if (write.file.starts_with("net/")) continue;
      const std::string file = "/proc/sys/" + write.file;
      int error = write_whole_file(file.c_str(), write.value);
      if (error == EACCES && ::seteuid(plan_.root_uid) == 0) {
        error = write_whole_file(file.c_str(), write.value);
        if (::seteuid(0) < 0) line_.fail_errno("become the host's root again");
      }
      if (error != 0 && !write.optional) line_.fail_errno("open " + file, error);
    }
  }

  /// While the host's mounts and their propagation are still there.
  void make_trees() {
    for (const PlanMount& mount : plan_.root) root_trees_.push_back(mount.bind ? clone_mapped(mount) : UniqueFd());
    for (const PlanMount& mount : plan_.mounts) trees_.push_back(mount.bind ? clone_mapped(mount) : UniqueFd());
  }

  void make_filesystems() {
    for (std::size_t i = 0; i < plan_.root.size(); ++i) {
      if (!root_trees_[i]) root_trees_[i] = make_filesystem(plan_.root[i]);
    }
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (!trees_[i] && made_by_groundwork(plan_.mounts[i])) trees_[i] = make_filesystem(plan_.mounts[i]);
    }
  }

  [[nodiscard]] UniqueFd clone_mapped(const PlanMount& mount) const {
    UniqueFd tree = clone_source(mount, line_);
    if (mount.idmap) map(tree.get(), mount.source, mount.recursive);
    return tree;
  }

  void map(int tree, const std::string& what, bool recursive) const {
    if (map_ids(tree, user_.get(), recursive) == 0) return;
    if (errno != EINVAL) line_.fail_errno("map the ids of " + what);
    line_.fail(Errc::unsupported,
               "cannot map the ids of " + what +
                   " to the container's user namespace: its filesystem takes no idmapped mounts with "
                   "this kernel; put it on ext4, xfs or btrfs, or run the container with "
                   "--userns=host");
  }

  /// Of a filesystem as a mount that is nowhere yet. mount(2) and not fsconfig(2), which cuts long options off.
  UniqueFd make_filesystem(const PlanMount& mount) {
    if (is_dev(mount)) return make_dev(mount);
    if (mount.type == "overlay" && mount.idmap) return make_mapped_overlay(mount);
    if (!mount.base.empty() && ::chdir(mount.base.c_str()) < 0) line_.fail_errno("chdir " + mount.base);
    mount_on_scratch(mount, mount.data);
    UniqueFd tree = take_scratch(1);
    if (mount.idmap) map(tree.get(), mount.source, false);
    return tree;
  }

  UniqueFd make_mapped_overlay(const PlanMount& mount) {
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

  void mount_on_scratch(const PlanMount& mount, const std::string& data) const {
    const std::string source = mount.source.empty() ? mount.type : mount.source;
    if (::mount(source.c_str(), scratch_.c_str(), mount.type.c_str(), mount.flags, data.c_str()) == 0) return;
    const std::string what = mount.target.empty()
                                 ? "mount the root (" + mount.type + ")"
                                 : "error mounting \"" + source + "\" to rootfs at \"" + mount.target + "\"";
    if (mount.idmap && errno == EINVAL) {
      line_.fail(Errc::unsupported, what +
                                        ": overlayfs takes layers with mapped ids since Linux 5.19; choose the storage "
                                        "driver \"vfs\", or run the container with --userns=host");
    }
    line_.fail_errno(what);
  }

  /// The topmost mount there, as one of its own; `mounts` of them go.
  UniqueFd take_scratch(int mounts) const {
    UniqueFd tree(::open_tree(AT_FDCWD, scratch_.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!tree) line_.fail_errno("open_tree " + scratch_);
    if (::chdir("/") < 0) line_.fail_errno("chdir /");
    for (int i = 0; i < mounts; ++i) {
      if (::umount2(scratch_.c_str(), MNT_DETACH) < 0) line_.fail_errno("unmount " + scratch_);
    }
    return tree;
  }

  [[nodiscard]] std::string owner_options() const {
    return "uid=" + number(plan_.root_uid) + ",gid=" + number(plan_.root_gid);
  }

  /// The host's tmpfs, so that its nodes open devices; but its owner is the container's root, who can make none.
  UniqueFd make_dev(const PlanMount& mount) {
    mount_on_scratch(mount, mount.data.empty() ? owner_options() : mount.data + "," + owner_options());
    const UniqueFd root(::open(scratch_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) line_.fail_errno("open /dev");
    const FilesystemIdentity identity(plan_.root_uid, plan_.root_gid);  // whose the directories are
    for (const PlanDevice& device : plan_.devices) {
      if (is_in_dev(device)) make_node(root.get(), device, device.path.substr(4));
    }
    return take_scratch(1);
  }

  void make_node(int root, const PlanDevice& device, const std::string& path) const {
    const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const UniqueFd parent = open_target(root, directory, true);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (!parent) line_.fail_errno("create device node " + device.path);
    if (::mknodat(parent.get(), name.c_str(), device.mode, ::makedev(device.major, device.minor)) < 0 &&
        errno != EEXIST) {
      line_.fail_errno("create device node " + device.path);
    }
    if (::fchownat(parent.get(), name.c_str(), device.uid, device.gid, AT_SYMLINK_NOFOLLOW) < 0) {
      line_.fail_errno("set the owner of device node " + device.path);
    }
  }

  /// Of devices elsewhere, each as a mount of its own.
  std::vector<UniqueFd> nodes() {
    std::vector<UniqueFd> made;
    if (std::all_of(plan_.devices.begin(), plan_.devices.end(), is_in_dev)) return made;
    // Above the root by now: the scratch directory's own place is taken.
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

  void hand_root_over() {
    const PlanMount& mount = plan_.root.front();
    const UniqueFd target(::open(scratch_.c_str(), O_PATH | O_CLOEXEC));
    if (!target || set_attributes(root_trees_.front().get(), mount.bind ? mount.attributes : 0, MS_PRIVATE, true) < 0 ||
        move_onto(root_trees_.front().get(), target.get()) < 0) {
      line_.fail_errno("mount the root " + mount.source);
    }
    const UniqueFd root(::open(scratch_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) line_.fail_errno("open the root");
    send(root.get());
  }

  void send(int fd) const {
    const char kind = static_cast<char>(Signal::ground);
    if (!send_message(subject_.line, {&kind, 1}, {&fd, 1})) line_.fail_errno("hand a mount over");
  }

  const Plan& plan_;
  const GroundworkSubject& subject_;
  const ReportLine line_;  // its messages reach the init
  const std::string scratch_;
  UniqueFd user_;
  std::vector<UniqueFd> root_trees_;
  std::vector<UniqueFd> trees_;
};

}  // namespace

bool made_by_groundwork(const PlanMount& mount) {
  static constexpr const char* kOwn[] = {"tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"};
  if (mount.bind || is_dev(mount)) return true;
  return std::none_of(std::begin(kOwn), std::end(kOwn), [&](const char* type) { return mount.type == type; });
}

bool is_in_dev(const PlanDevice& device) { return device.path.starts_with("/dev/"); }

void run_groundwork(const Plan& plan, const GroundworkSubject& subject) {
  Groundwork(plan, subject).lay();
  ::_exit(0);
}

}  // namespace gantry::container_shim
