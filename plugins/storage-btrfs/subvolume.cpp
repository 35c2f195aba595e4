#include "subvolume.hpp"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::btrfs {
namespace {

[[noreturn]] void fail(const std::string& what) {
  const bool full = errno == ENOSPC || errno == EDQUOT;
  throw Error{full ? Errc::exhausted : Errc::io, what + ": " + std::strerror(errno)};
}

UniqueFd open_directory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) fail("cannot open " + path);
  return fd;
}

btrfs_ioctl_vol_args_v2 arguments_for(const std::string& name) {
  btrfs_ioctl_vol_args_v2 arguments{};
  std::memcpy(arguments.name, name.c_str(), std::min(name.size(), sizeof arguments.name - 1));
  return arguments;
}

}  // namespace

void make_subvolume(const std::string& directory, const std::string& name) {
  const UniqueFd parent = open_directory(directory);
  btrfs_ioctl_vol_args_v2 arguments = arguments_for(name);
  if (::ioctl(parent.get(), BTRFS_IOC_SUBVOL_CREATE_V2, &arguments) != 0)
    fail("cannot make a subvolume in " + directory);
}

void snapshot(const std::string& original, const std::string& directory, const std::string& name) {
  const UniqueFd source = open_directory(original);
  const UniqueFd parent = open_directory(directory);
  btrfs_ioctl_vol_args_v2 arguments = arguments_for(name);
  arguments.fd = source.get();
  if (::ioctl(parent.get(), BTRFS_IOC_SNAP_CREATE_V2, &arguments) != 0) fail("cannot make a snapshot of " + original);
}

bool destroy_subvolume(const std::string& directory, const std::string& name) noexcept {
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  btrfs_ioctl_vol_args arguments{};
  std::memcpy(arguments.name, name.c_str(), std::min(name.size(), sizeof arguments.name - 1));
  return parent && ::ioctl(parent.get(), BTRFS_IOC_SNAP_DESTROY, &arguments) == 0;
}

bool is_btrfs(const std::string& directory) {
  struct statfs status {};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

}  // namespace gantry::btrfs
