#include "build/mount_stubs.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "gantry/unique_fd.hpp"

namespace gantry::build {
namespace {

/// A link that nothing is mounted on: what it points at is not looked for.
constexpr const char* kMountTable = "/etc/mtab";

/// In the image's tree, whatever its links say.
UniqueFd open_in(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (path == kMountTable ? O_NOFOLLOW : 0);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string name = path.empty() ? "." : path;
  return UniqueFd{static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how))};
}

std::string parent_path(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

MountStubs::MountStubs(int root, const std::vector<std::string>& targets) {
  for (const std::string& target : targets) {
    for (std::string path = target; !path.empty() && path != "/"; path = parent_path(path)) {
      if (const UniqueFd there = open_in(root, path)) {
        struct stat status {};
        if (path != target && ::fstat(there.get(), &status) == 0) parents_.push_back({path, status.st_mtim});
        break;
      }
      if (std::find(missing_.begin(), missing_.end(), path) == missing_.end()) missing_.push_back(path);
    }
  }
  // The longest first: a directory goes behind what is in it.
  std::stable_sort(missing_.begin(), missing_.end(),
                   [](const std::string& left, const std::string& right) { return left.size() > right.size(); });
}

void MountStubs::remove(int root) const {
  for (const std::string& path : missing_) {
    const UniqueFd parent = open_in(root, parent_path(path));
    const std::string name = path.substr(path.rfind('/') + 1);
    struct stat status {};
    if (!parent || ::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) {
      ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);  // fails if the step has put something there
    } else if ((S_ISREG(status.st_mode) && status.st_size == 0) || (S_ISLNK(status.st_mode) && path == kMountTable)) {
      ::unlinkat(parent.get(), name.c_str(), 0);
    }
  }
  for (const Parent& parent : parents_) {
    const UniqueFd directory = open_in(root, parent.path);
    if (!directory) continue;
    const timespec times[2] = {{0, UTIME_OMIT}, parent.modified};
    ::utimensat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(directory.get())).c_str(), times, 0);
  }
}

const std::vector<std::string>& usual_mount_targets() {
  static const std::vector<std::string> targets{
      "/.dockerenv", "/dev", "/proc", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", kMountTable};
  return targets;
}

}  // namespace gantry::build
