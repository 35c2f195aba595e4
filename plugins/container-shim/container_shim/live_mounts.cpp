#include "container_shim/live_mounts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <functional>
#include <optional>
#include <thread>

#include "container_shim/mount_options.hpp"
#include "container_shim/user_namespace.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/bind.hpp"
#include "shim/filesystem_identity.hpp"
#include "shim/root_path.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

[[noreturn]] void fail(const std::string& what, int error, Errc code = Errc::io) {
  throw Error{code, what + ": " + std::strerror(error)};
}

/// Runs `work` with the container's root as "/". Its thread has a root and a working directory of its own, else the
/// kernel would not let it in.
void inside(int pidfd, const std::function<void(int root)>& work) {
  std::exception_ptr failure;
  std::thread thread([&] {
    try {
      if (::unshare(CLONE_FS) < 0) fail("unshare", errno);
      if (::setns(pidfd, CLONE_NEWNS) < 0) {
        fail("enter the container's mount namespace", errno, errno == ESRCH ? Errc::conflict : Errc::io);
      }
      const UniqueFd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!root) fail("open the container's root", errno);
      work(root.get());
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

void configure(int context, const std::string& data) {
  for (std::size_t at = 0; at < data.size();) {
    const std::size_t end = std::min(data.find(',', at), data.size());
    const std::string option = data.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = option.find('=');
    const int done = equals == std::string::npos
                         ? ::fsconfig(context, FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0)
                         : ::fsconfig(context, FSCONFIG_SET_STRING, option.substr(0, equals).c_str(),
                                      option.c_str() + equals + 1, 0);
    if (done < 0) fail("mount option " + option, errno, Errc::invalid);
  }
}

std::uint64_t attributes_of(std::uint64_t flags) {
  std::uint64_t attributes = 0;
  if ((flags & MS_RDONLY) != 0) attributes |= MOUNT_ATTR_RDONLY;
  if ((flags & MS_NOSUID) != 0) attributes |= MOUNT_ATTR_NOSUID;
  if ((flags & MS_NODEV) != 0) attributes |= MOUNT_ATTR_NODEV;
  if ((flags & MS_NOEXEC) != 0) attributes |= MOUNT_ATTR_NOEXEC;
  return attributes;
}

/// A mount that is nowhere yet.
UniqueFd make_tree(const PlanMount& mount) {
  if (mount.bind) {
    UniqueFd tree = clone_tree(mount);
    if (!tree && errno == ENOENT) {
      throw Error{Errc::invalid, "bind source path does not exist: " + mount.source};
    }
    if (!tree) fail("error mounting \"" + mount.source + "\": open_tree", errno);
    return tree;
  }
  const std::string what = "error mounting \"" + mount.type + "\" at \"" + mount.target + "\"";
  const UniqueFd context(::fsopen(mount.type.c_str(), FSOPEN_CLOEXEC));
  if (!context) fail(what, errno);
  if (!mount.source.empty()) ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", mount.source.c_str(), 0);
  configure(context.get(), mount.data);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) fail(what, errno);
  UniqueFd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes_of(mount.flags))));
  if (!tree) fail(what, errno);
  return tree;
}

void show_ids(int tree, const UserNamespace& user, const PlanMount& mount) {
  if (map_ids(tree, user.fd.get(), mount.recursive) == 0) return;
  const std::string what = "cannot map the ids of " + mount.source + " to the container's user namespace";
  if (errno != EINVAL) fail(what, errno);
  throw Error{Errc::unsupported, what +
                                     ": its filesystem takes no idmapped mounts with this kernel; put it on ext4, xfs "
                                     "or btrfs"};
}

/// The container chooses where a directory's name leads: not to the kernel's files, whose covers keep it out of them.
void refuse_kernel_files(int directory, const std::string& what) {
  struct statfs facts {};
  if (::fstatfs(directory, &facts) < 0) fail(what, errno);
  if (facts.f_type == PROC_SUPER_MAGIC || facts.f_type == SYSFS_MAGIC) {
    throw Error{Errc::invalid, what + ": it is inside /proc or /sys"};
  }
}

}  // namespace

void mount_into(int pidfd, pid_t pid, const Mount& mount) {
  PlanMount plan = translate_mount(mount);
  const UserNamespace user = user_namespace_of(pid);
  if (user.remapped && plan.type == "tmpfs" && !plan.bind) plan.data = with_outside_owner(plan.data, user);
  const UniqueFd tree = make_tree(plan);  // in the host's namespace
  if (user.remapped && plan.idmap) show_ids(tree.get(), user, plan);
  inside(pidfd, [&](int root) {
    std::optional<FilesystemIdentity> identity;  // whose the target is, if it has to be made
    if (user.remapped) identity.emplace(user.root_uid, user.root_gid);
    const bool directory = is_directory(tree.get());
    const UniqueFd target = open_target(root, plan.target, directory);
    const std::string what = "error mounting \"" + plan.source + "\" to rootfs at \"" + plan.target + "\"";
    if (!target) fail(what + ": create mountpoint for " + plan.target + " mount", errno, Errc::invalid);
    if (is_directory(target.get()) != directory) {
      throw Error{Errc::invalid, what + ": a directory cannot be mounted onto a file, nor a file onto a directory"};
    }
    struct statfs facts {};
    if (::fstatfs(target.get(), &facts) == 0 && facts.f_type == PROC_SUPER_MAGIC) {
      throw Error{Errc::invalid, what + ": \"" + plan.target + "\" cannot be mounted because it is inside /proc"};
    }
    if ((plan.bind ? attach_bind(tree.get(), plan, target.get()) : move_onto(tree.get(), target.get())) < 0) {
      fail(what, errno);
    }
  });
}

void unmount_from(int pidfd, const std::string& target) {
  inside(pidfd, [&](int root) {
    const std::string what = "cannot unmount " + target;
    const std::size_t slash = target.rfind('/');
    const std::string parent = slash == 0 ? "/" : target.substr(0, slash);
    const UniqueFd directory(openat2_in_root(root, parent.c_str(), O_PATH | O_DIRECTORY));
    if (!directory || ::fchdir(directory.get()) < 0) fail(what, errno, Errc::invalid);
    refuse_kernel_files(directory.get(), what);
    if (::umount2(target.substr(slash + 1).c_str(), UMOUNT_NOFOLLOW) == 0) return;
    if (errno == EBUSY) {
      throw Error{Errc::conflict, what + ": a process of the container uses it: end that process first"};
    }
    fail(what, errno, errno == EINVAL || errno == ENOENT ? Errc::invalid : Errc::io);
  });
}

}  // namespace gantry::container_shim
