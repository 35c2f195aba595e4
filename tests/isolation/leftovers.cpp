#include "leftovers.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

namespace gantry {
namespace {

namespace fs = std::filesystem;

void remove_tree(const fs::path& cgroup) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator{cgroup, failed}) {
    if (entry.is_directory(failed)) remove_tree(entry.path());
  }
  // A cgroup is busy for a moment after its last process was reaped.
  for (int attempt = 0; attempt < 250 && ::rmdir(cgroup.c_str()) != 0 && errno == EBUSY; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

}  // namespace

void remove_leftovers(const std::string& cgroup, const fs::path& directory) {
  // Of cgroup v2, and of each hierarchy of v1.
  std::vector<fs::path> hierarchies{"/sys/fs/cgroup"};
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator{"/sys/fs/cgroup", failed}) {
    if (entry.is_directory(failed) && !entry.is_symlink(failed)) hierarchies.push_back(entry.path());
  }
  for (const fs::path& hierarchy : hierarchies) {
    if (fs::exists(hierarchy / cgroup, failed)) remove_tree(hierarchy / cgroup);
  }
  fs::remove_all(directory, failed);
}

}  // namespace gantry
