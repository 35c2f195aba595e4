#include "shim/oci_view.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "gantry/unique_fd.hpp"
#include "shim/bind.hpp"

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

int open_way(const std::string& directory) {
  std::size_t end = 0;
  std::string closed;
  for (struct stat facts{};;) {
    end = directory.find('/', end + 1);
    if (end == std::string::npos) return 0;
    closed = directory.substr(0, end);
    if (::stat(closed.c_str(), &facts) < 0) return -1;
    if ((facts.st_mode & S_IXOTH) == 0) break;
  }
  const UniqueFd tree(::open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree || ::mount("tmpfs", closed.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=711,size=64k") < 0) return -1;
  while (end != std::string::npos) {
    end = directory.find('/', end + 1);
    if (::mkdir(directory.substr(0, end).c_str(), 0711) < 0 && errno != EEXIST) return -1;
  }
  const UniqueFd target(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return target ? move_onto(tree.get(), target.get()) : -1;
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
