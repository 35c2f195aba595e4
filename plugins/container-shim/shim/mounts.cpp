#include "shim/mounts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <iterator>
#include <string_view>

#include "container_shim/protocol.hpp"
#include "shim/bind.hpp"
#include "shim/bind_source.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

std::string descriptor_path(int fd) { return "/proc/self/fd/" + number(fd); }

std::string descriptor_target(int fd) {
  char path[PATH_MAX];
  const ssize_t size = ::readlink(descriptor_path(fd).c_str(), path, sizeof path);
  return {path, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

bool is_procfs(int fd) {
  struct statfs facts {};
  return ::fstatfs(fd, &facts) == 0 && facts.f_type == PROC_SUPER_MAGIC;
}

bool has_v1_cgroup(const std::vector<PlanCgroup>& cgroups) {
  return std::any_of(cgroups.begin(), cgroups.end(), [](const PlanCgroup& cgroup) { return !cgroup.unified; });
}

}  // namespace

void Rootfs::clone_sources() {
  for (const PlanMount& mount : plan_.mounts) {
    sources_.push_back(mount.bind ? clone_source(mount, line_) : UniqueFd());
  }
}

void Rootfs::take_groundwork() {
  const auto take = [&] {
    std::vector<UniqueFd> made = line_.wait(Signal::ground);
    if (made.empty()) line_.fail(Errc::io, "the groundwork of the container has no mount");
    return std::move(made.front());
  };
  root_ = take();
  std::vector<UniqueFd> roots;
  for (std::size_t i = 1; i < plan_.root.size(); ++i) roots.push_back(take());
  for (const PlanMount& mount : plan_.mounts) sources_.push_back(needs_host_root(mount) ? take() : UniqueFd());
  for (const PlanDevice& device : plan_.devices) {
    if (!is_in_dev(device)) nodes_.push_back(take());
  }
  for (std::size_t i = 1; i < plan_.root.size(); ++i) mount_one(plan_.root[i], roots[i - 1]);
}

void Rootfs::mount_root() {
  if (is_remapped(plan_)) return take_groundwork();
  clone_sources();
  std::vector<UniqueFd> roots;
  for (const PlanMount& mount : plan_.root) roots.push_back(mount.bind ? clone_source(mount, line_) : UniqueFd());
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) line_.fail_errno("make mounts private");

  const std::string directory = plan_.directory + "/" + kRootDirectory;
  for (std::size_t i = 0; i < plan_.root.size(); ++i) {
    const PlanMount& mount = plan_.root[i];
    if (i > 0) {
      mount_one(mount, roots[i]);
      continue;
    }
    if (!mount.base.empty() && ::chdir(mount.base.c_str()) < 0) line_.fail_errno("chdir " + mount.base);
    if (mount.bind) {
      const UniqueFd target(::open(directory.c_str(), O_PATH | O_CLOEXEC));
      if (set_attributes(roots[i].get(), mount.attributes, MS_PRIVATE, true) < 0 ||
          move_onto(roots[i].get(), target.get()) < 0) {
        line_.fail_errno("mount the root " + mount.source);
      }
    } else if (::mount(mount.source.empty() ? mount.type.c_str() : mount.source.c_str(), directory.c_str(),
                       mount.type.c_str(), mount.flags, mount.data.c_str()) < 0) {
      line_.fail_errno("mount the root (" + mount.type + ")");
    }
    root_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) line_.fail_errno("open the root");
  }
}

// In the root itself, not in what is mounted on it. A root that cannot be written to goes without.
void Rootfs::make_usual_files() const {
  // By this one programs know that they are in a container of Docker's.
  UniqueFd(::openat(root_.get(), ".dockerenv", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755));
  // Where programs from before /proc look for what is mounted.
  const UniqueFd etc(openat2_in_root(root_.get(), "/etc", O_PATH | O_DIRECTORY));
  [[maybe_unused]] const int linked = etc ? ::symlinkat("/proc/mounts", etc.get(), "mtab") : -1;
}

// A tmpfs has the mode of the directory that it covers, unless it is told another: what was the owner's alone stays so.
std::string Rootfs::tmpfs_data(const PlanMount& mount) const {
  if (mount.type != "tmpfs" || mount.data.starts_with("mode=") || mount.data.find(",mode=") != std::string::npos) {
    return mount.data;
  }
  const UniqueFd covered(openat2_in_root(root_.get(), mount.target.c_str(), O_PATH | O_DIRECTORY));
  struct stat facts {};
  if (!covered || ::fstat(covered.get(), &facts) < 0) return mount.data;
  char mode[16];
  std::snprintf(mode, sizeof mode, "mode=%o", facts.st_mode & 07777U);
  return mount.data.empty() ? mode : mount.data + "," + mode;
}

void Rootfs::mount_one(const PlanMount& mount, UniqueFd& source) {
  const bool directory = !source || is_directory(source.get());
  const std::string data = tmpfs_data(mount);  // before the directory is made
  const UniqueFd target = open_mount_target(mount, directory);
  check_outside_of_proc(mount, source.get(), target.get());
  if (source) {
    if (attach_bind(source.get(), mount, target.get()) < 0) {
      const int error = errno;
      if (directory != is_directory(target.get())) {
        line_.fail(Errc::invalid, "error mounting \"" + mount.source + "\" to rootfs at \"" + mount.target +
                                      "\": mount src=" + mount.source + ", dst=" + mount.target +
                                      ": not a directory: Are you trying to mount a directory onto a file (or "
                                      "vice-versa)? Check if the specified host path exists and is the expected type");
      }
      line_.fail_errno("error mounting \"" + mount.source + "\" to rootfs at \"" + mount.target + "\"", error);
    }
    source.reset();
    if (!mount.bind && !mount.subpath.empty()) show_below(mount);
    return;
  }
  if (mount.type == "cgroup" && has_v1_cgroup(plan_.cgroups)) {
    mount_cgroups_v1(mount, target.get());
    return;
  }
  mount_filesystem(mount, target.get(), data);
}

UniqueFd Rootfs::open_mount_target(const PlanMount& mount, bool directory) const {
  const std::string what = "error mounting \"" + mount.source + "\" to rootfs at \"" + mount.target + "\": ";
  if (mount.type == "proc" || mount.type == "sysfs") {
    // What is masked and read-only in them is looked for by its usual name afterwards: with a link on the way, that a
    // container which shares a volume can exchange in between, it would be found elsewhere (CVE-2019-19921,
    // CVE-2023-27561).
    UniqueFd plain(openat2_in_root(root_.get(), mount.target.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
    if (plain) return plain;
    if (errno != ENOENT) {
      line_.fail(Errc::invalid, what + "filesystem \"" + mount.type + "\" must be mounted on ordinary directory");
    }
  }
  UniqueFd target = open_target(root_.get(), mount.target, directory);
  if (!target) line_.fail_errno(what + "create mountpoint for " + mount.target + " mount");
  return target;
}

/// Nothing goes onto procfs or in its place, whatever links lead there: what is masked there must be what it says, and
/// programs trust what they read in /proc (CVE-2019-16884, CVE-2025-52881). The exceptions are runc's, for lxcfs.
void Rootfs::check_outside_of_proc(const PlanMount& mount, int source, int target) const {
  static constexpr const char* kCoverable[] = {"/proc/cpuinfo",
                                               "/proc/diskstats",
                                               "/proc/meminfo",
                                               "/proc/stat",
                                               "/proc/swaps",
                                               "/proc/uptime",
                                               "/proc/loadavg",
                                               "/proc/slabinfo",
                                               "/proc/net/dev",
                                               "/proc/sys/kernel/ns_last_pid",
                                               "/proc/sys/crypto/fips_enabled"};
  const std::string what = "error mounting \"" + mount.source + "\" to rootfs at \"" + mount.target + "\": ";
  const std::string root = descriptor_target(root_.get());
  const std::string place = descriptor_target(target);
  const bool instead = place == root + "/proc" && !is_procfs(target);
  if (instead && mount.type != "proc" && !(mount.bind && is_procfs(source))) {
    line_.fail(Errc::invalid, what + "\"" + mount.target + "\" cannot be mounted because it is not of type proc");
  }
  // By the name that was asked for as well: /proc/net leads into a process's own directory.
  const auto is_place = [&](const char* path) { return place == root + path || mount.target == path; };
  if (is_procfs(target) && mount.type != "proc" &&
      std::none_of(std::begin(kCoverable), std::end(kCoverable), is_place)) {
    line_.fail(Errc::invalid, what + "\"" + mount.target + "\" cannot be mounted because it is inside /proc");
  }
}

void Rootfs::mount_filesystem(const PlanMount& mount, int target, const std::string& data) {
  const char* type = mount.type == "cgroup" ? "cgroup2" : mount.type.c_str();
  const std::string source = mount.source.empty() ? mount.type : mount.source;
  if (!mount.base.empty() && ::chdir(mount.base.c_str()) < 0) line_.fail_errno("chdir " + mount.base);
  if (::mount(source.c_str(), descriptor_path(target).c_str(), type, mount.flags,
              data.empty() ? nullptr : data.c_str()) < 0) {
    if (errno == EPERM && is_remapped(plan_) && std::string_view(type) == "cgroup2")
      return show_host_cgroups(mount, target);
    line_.fail_errno("error mounting \"" + source + "\" to rootfs at \"" + mount.target + "\"");
  }
  if (mount.propagation != 0) {
    const UniqueFd mounted(openat2_in_root(root_.get(), mount.target.c_str(), O_PATH));
    if (set_attributes(mounted.get(), 0, mount.propagation & ~std::uint64_t{MS_REC}, true) < 0) {
      line_.fail_errno("set the propagation of " + mount.target);
    }
  }
  if (!mount.subpath.empty()) show_below(mount);
}

/// Whose cgroup namespace is the host's cannot mount the hierarchy: as runc does, it gets the host's mount of it.
void Rootfs::show_host_cgroups(const PlanMount& mount, int target) {
  const UniqueFd tree(::open_tree(AT_FDCWD, "/sys/fs/cgroup",
                                  AT_RECURSIVE | OPEN_TREE_CLONE | static_cast<unsigned>(OPEN_TREE_CLOEXEC)));
  const std::uint64_t readonly = (mount.flags & MS_RDONLY) != 0 ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0;
  const std::uint64_t attributes = readonly | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (!tree || set_attributes(tree.get(), attributes, MS_PRIVATE, true) < 0 || move_onto(tree.get(), target) < 0) {
    line_.fail_errno("error mounting \"cgroup\" to rootfs at \"" + mount.target + "\"");
  }
}

/// What a filesystem has at the subpath covers the whole of it.
void Rootfs::show_below(const PlanMount& mount) {
  const UniqueFd whole(openat2_in_root(root_.get(), mount.target.c_str(), O_PATH | O_DIRECTORY));
  const UniqueFd part(clone_below(whole.get(), mount));
  if (!part) fail_below(mount, errno, line_);
  if (move_onto(part.get(), whole.get()) < 0) line_.fail_errno("mount " + mount.subpath + " at " + mount.target);
}

void Rootfs::mount_cgroups_v1(const PlanMount& mount, int target) {
  const std::string what = "error mounting \"cgroup\" to rootfs at \"" + mount.target + "\"";
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("tmpfs", descriptor_path(target).c_str(), "tmpfs", flags, "mode=755,size=64k") < 0)
    line_.fail_errno(what);
  const UniqueFd base(openat2_in_root(root_.get(), mount.target.c_str(), O_PATH | O_DIRECTORY));
  for (const PlanCgroup& cgroup : plan_.cgroups) {
    if (cgroup.unified) continue;
    if (::mkdirat(base.get(), cgroup.name.c_str(), 0755) < 0) line_.fail_errno(what);
    const UniqueFd at(::openat(base.get(), cgroup.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const UniqueFd tree(::open_tree(AT_FDCWD, cgroup.directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    std::uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if ((mount.flags & MS_RDONLY) != 0) attributes |= MOUNT_ATTR_RDONLY;
    if (!tree || set_attributes(tree.get(), attributes, MS_PRIVATE, false) < 0 || move_onto(tree.get(), at.get()) < 0) {
      line_.fail_errno(what + ": " + cgroup.name);
    }
    for (const std::string& alias : cgroup.aliases) {
      if (::symlinkat(cgroup.name.c_str(), base.get(), alias.c_str()) < 0) line_.fail_errno(what);
    }
  }
  if ((mount.flags & MS_RDONLY) != 0 && set_attributes(base.get(), MOUNT_ATTR_RDONLY, 0, false) < 0) {
    line_.fail_errno(what);
  }
}

/// Of a daemon in a chroot, "/" is not its mount namespace's root: pivot_root(2) would leave the host's tree above the
/// container's, in reach of whoever joins the namespace. Joining the own namespace leads out to its root.
void Rootfs::leave_chroot() const {
  const UniqueFd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  if (!self || ::setns(self.get(), CLONE_NEWNS) < 0) line_.fail_errno("go to the root of the mount namespace");
}

void Rootfs::pivot() {
  leave_chroot();
  if (::fchdir(root_.get()) < 0) line_.fail_errno("chdir to the root");
  if (::syscall(SYS_pivot_root, ".", ".") == 0) {
    // Old and new root lie on one another at "/": the upper one, which is the host's, goes.
    if (::umount2(".", MNT_DETACH) < 0) line_.fail_errno("detach the host's root");
  } else {
    struct statfs facts {};
    const bool initramfs =
        errno == EINVAL && ::statfs("/", &facts) == 0 && (facts.f_type == RAMFS_MAGIC || facts.f_type == TMPFS_MAGIC);
    // The kernel cannot pivot away from an initramfs: cover it instead.
    if (!initramfs || ::mount(".", "/", nullptr, MS_MOVE, nullptr) < 0 || ::chroot(".") < 0)
      line_.fail_errno("pivot_root");
  }
  if (::chdir("/") < 0) line_.fail_errno("chdir to /");
}

void Rootfs::mask(const std::string& path, int null_file) {
  const UniqueFd target(openat2_in_root(root_.get(), path.c_str(), O_PATH));
  if (!target) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    line_.fail_errno("mask " + path);
  }
  if (is_directory(target.get())) {
    if (::mount("tmpfs", descriptor_path(target.get()).c_str(), "tmpfs", MS_RDONLY, "size=0k") < 0) {
      line_.fail_errno("mask " + path);
    }
    return;
  }
  const UniqueFd cover(::open_tree(null_file, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!cover || move_onto(cover.get(), target.get()) < 0) line_.fail_errno("mask " + path);
}

void Rootfs::make_readonly(const std::string& path) {
  const UniqueFd target(openat2_in_root(root_.get(), path.c_str(), O_PATH));
  if (!target) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    line_.fail_errno("make " + path + " read-only");
  }
  const UniqueFd tree(
      ::open_tree(target.get(), "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree || set_attributes(tree.get(), MOUNT_ATTR_RDONLY, 0, true) < 0 || move_onto(tree.get(), target.get()) < 0) {
    line_.fail_errno("make " + path + " read-only");
  }
}

void Rootfs::protect_paths() {
  // As Docker does: a working directory that the image lacks is made, and before the root may become read-only.
  // If that fails, chdir(2) will say why.
  open_target(root_.get(), plan_.process.cwd, true);
  for (const std::string& path : plan_.readonly_paths) make_readonly(path);
  // The host's own /dev/null: the container's may have been swapped for something else (CVE-2025-31133).
  const UniqueFd null_file(::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!null_file || ::fstat(null_file.get(), &facts) < 0 || !S_ISCHR(facts.st_mode) ||
      facts.st_rdev != ::makedev(1, 3)) {
    line_.fail(Errc::io, "/dev/null of the host is not the null device");
  }
  for (const std::string& path : plan_.masked_paths) mask(path, null_file.get());
  if (plan_.readonly_root && set_attributes(root_.get(), MOUNT_ATTR_RDONLY, 0, false) < 0) {
    line_.fail_errno("make the root read-only");
  }
}

}  // namespace gantry::container_shim
