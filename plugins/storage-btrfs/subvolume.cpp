#include "subvolume.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::btrfs {
namespace {

constexpr ino_t kSubvolumeInode = 256;  ///< BTRFS_FIRST_FREE_OBJECTID
/// Two descriptors a level: a container must not use up the daemon's.
constexpr int kDeepest = 128;

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

bool destroy_at(int parent, const char* name) noexcept {
  btrfs_ioctl_vol_args arguments{};
  std::strncpy(arguments.name, name, sizeof arguments.name - 1);
  return ::ioctl(parent, BTRFS_IOC_SNAP_DESTROY, &arguments) == 0;
}

/// Never through a link that a container made, nor into what is mounted there.
UniqueFd open_below(int parent, const char* name) noexcept {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, parent, name, &how, sizeof how)));
}

bool is_subvolume(int directory) noexcept {
  struct stat status {};
  struct statfs filesystem {};
  return ::fstat(directory, &status) == 0 && status.st_ino == kSubvolumeInode &&
         ::fstatfs(directory, &filesystem) == 0 && filesystem.f_type == BTRFS_SUPER_MAGIC;
}

void make_writable(int subvolume) noexcept {
  std::uint64_t flags = 0;
  if (::ioctl(subvolume, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) != 0 || (flags & BTRFS_SUBVOL_RDONLY) == 0) return;
  flags &= ~static_cast<std::uint64_t>(BTRFS_SUBVOL_RDONLY);
  // One that stays read-only can't be emptied: the caller sees that it is still there.
  static_cast<void>(::ioctl(subvolume, BTRFS_IOC_SUBVOL_SETFLAGS, &flags));
}

/// Those that a container made, the deepest first: one that holds others can't be destroyed.
void destroy_nested(int directory, int depth) noexcept {
  if (depth == kDeepest) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(::fcntl(directory, F_DUPFD_CLOEXEC, 0)), ::closedir);
  if (!stream) return;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    const UniqueFd child = open_below(directory, entry->d_name);
    if (!child) continue;
    const bool nested = is_subvolume(child.get());
    if (nested) make_writable(child.get());
    destroy_nested(child.get(), depth + 1);
    if (nested) destroy_at(directory, entry->d_name);
  }
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
  if (!parent) return false;
  if (destroy_at(parent.get(), name.c_str())) return true;
  if (const UniqueFd volume = open_below(parent.get(), name.c_str()); volume && is_subvolume(volume.get())) {
    destroy_nested(volume.get(), 0);
  }
  return destroy_at(parent.get(), name.c_str());
}

bool is_btrfs(const std::string& directory) {
  struct statfs status {};
  return ::statfs(directory.c_str(), &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

}  // namespace gantry::btrfs
