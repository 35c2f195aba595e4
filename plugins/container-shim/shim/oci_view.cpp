#include "shim/oci_view.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

namespace gantry::container_shim {

namespace {

std::string parent_of(std::string path) {
  path.resize(std::max<std::size_t>(path.rfind('/'), 1));
  return path;
}

}  // namespace

int make_private_around(const std::string& directory) {
  std::string path = directory;
  for (;; path = parent_of(path)) {
    struct statx facts {};
    if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &facts) < 0) return -1;
    if ((facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 || path == "/") break;
  }
  return ::mount(nullptr, path.c_str(), nullptr, MS_PRIVATE, nullptr);
}

int hide_mounts(const std::vector<std::string>& mounts) {
  for (const std::string& mount : mounts) {
    // The one above: or the host would lose it as well.
    if (make_private_around(parent_of(mount)) < 0 || ::umount2(mount.c_str(), MNT_DETACH) < 0) return -1;
  }
  return 0;
}

void run_in_view(char** arguments) {
  constexpr int failed = 125;
  std::vector<std::string> mounts;
  for (; *arguments != nullptr && std::string_view(*arguments) != "--"; ++arguments) mounts.emplace_back(*arguments);
  if (*arguments == nullptr || *++arguments == nullptr) ::_exit(failed);
  if (!mounts.empty() && (::unshare(CLONE_NEWNS) < 0 || hide_mounts(mounts) < 0)) ::_exit(failed);
  ::execv(*arguments, arguments);
  ::_exit(failed);
}

}  // namespace gantry::container_shim
