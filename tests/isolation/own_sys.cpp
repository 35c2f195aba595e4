#include "isolation/own_sys.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry {
namespace {

[[noreturn]] void fail_with(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

/// The outermost ones.
std::vector<std::string> mounts_below_sys() {
  std::vector<std::string> all;
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string place;
    for (int n = 0; n < 5; ++n) fields >> place;
    if (place.starts_with("/sys/")) all.push_back(place);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::vector<std::string> outermost;
  for (const std::string& place : all) {
    if (outermost.empty() || !place.starts_with(outermost.back() + "/")) outermost.push_back(place);
  }
  return outermost;
}

}  // namespace

void show_own_sys() {
  std::vector<std::pair<std::string, UniqueFd>> kept;
  for (const std::string& place : mounts_below_sys()) {
    UniqueFd tree{::open_tree(AT_FDCWD, place.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)};
    if (!tree) fail_with("open_tree " + place);
    kept.emplace_back(place, std::move(tree));
  }
  if (::mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail_with("cannot mount /sys");
  for (const auto& [place, tree] : kept) {
    if (::move_mount(tree.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      fail_with("move_mount " + place);
    }
  }
}

}  // namespace gantry
