#include "kernel_check.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include "layer_archive/directory.hpp"
#include "layer_archive/scratch.hpp"
#include "layer_archive/system_error.hpp"
#include "layer_archive/tree.hpp"

namespace gantry::overlay {
namespace {

struct Filesystem {
  unsigned long magic;
  const char* name;
};

constexpr std::array kFilesystems{
    Filesystem{OVERLAYFS_SUPER_MAGIC, "overlay"},
    Filesystem{TMPFS_MAGIC, "tmpfs"},
    Filesystem{EXT4_SUPER_MAGIC, "ext4"},
    Filesystem{0x58465342, "xfs"},
    Filesystem{BTRFS_SUPER_MAGIC, "btrfs"},
    Filesystem{NFS_SUPER_MAGIC, "nfs"},
    Filesystem{0x2fc12fc1, "zfs"},
    Filesystem{FUSE_SUPER_MAGIC, "fuse"},
    Filesystem{F2FS_SUPER_MAGIC, "f2fs"},
    Filesystem{ECRYPTFS_SUPER_MAGIC, "ecryptfs"},
    Filesystem{MSDOS_SUPER_MAGIC, "vfat"},
    Filesystem{V9FS_MAGIC, "9p"},
};

std::string filesystem_of(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return "unknown";
  for (const Filesystem& filesystem : kFilesystems) {
    if (filesystem.magic == static_cast<unsigned long>(status.f_type)) return filesystem.name;
  }
  return "unknown";
}

/// What does not work.
struct Defect {
  std::string what;
};

[[noreturn]] void fail(const std::string& what) { throw Defect{what + ": " + std::strerror(errno)}; }

void make_file(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) fail("cannot create " + path);
}

void try_overlay(const std::string& place) {
  for (const char* const name : {"/lower", "/upper", "/work", "/merged", "/lower/directory"}) {
    layer_archive::make_directory(AT_FDCWD, place + name, 0700);
  }
  make_file(place + "/lower/file");
  if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) fail("cannot make a mount namespace");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("cannot make mounts private");
  if (::chdir(place.c_str()) != 0) fail("cannot enter " + place);
  if (::mount("overlay", "merged", "overlay", 0,
              "lowerdir=lower,upperdir=upper,workdir=work,index=off,redirect_dir=off,metacopy=off") != 0) {
    fail("mount(2)");
  }
  struct stat status {};
  if (::unlink("merged/file") != 0) fail("cannot remove a lower file");
  if (::stat("upper/file", &status) != 0 || !layer_archive::is_whiteout(status)) throw Defect{"it makes no whiteouts"};
  if (::rmdir("merged/directory") != 0 || ::mkdir("merged/directory", 0700) != 0)
    fail("cannot replace a lower directory");
  const auto replaced = layer_archive::Directory::open(AT_FDCWD, "upper/directory");
  if (!layer_archive::is_opaque(replaced.fd())) throw Defect{"it makes no opaque directories"};
}

}  // namespace

void check_kernel(const std::string& data_dir) {
  const layer_archive::Scratch scratch{data_dir};
  std::exception_ptr failure;
  // A thread of its own: its mount namespace ends with it, and with that the mount.
  std::thread{[&] {
    try {
      try_overlay(scratch.path());
    } catch (...) {
      failure = std::current_exception();
    }
  }}.join();
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const Defect& defect) {
    throw Error{Errc::unsupported,
                "overlayfs does not work on " + data_dir + " (filesystem " + filesystem_of(data_dir) + "): " +
                    defect.what + "; put the data root on ext4, xfs or btrfs, or choose the storage driver \"vfs\""};
  }
}

}  // namespace gantry::overlay
