#include "containers/log_notices.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/file.hpp"

namespace gantry::containers {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 4096;

}  // namespace

LogNotices::LogNotices(const std::shared_ptr<FolderChanges>& changes, std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) throw_errno("cannot make " + folder_, failed.value());
  fs::permissions(folder_, fs::perms::owner_all, failed);
  watch_ = changes->watch({folder_}, [this] { take(); });
  take();
}

void LogNotices::take() const {
  std::error_code failed;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry{folder_, failed}, end; !failed && entry != end; entry.increment(failed)) {
    if (!entry->path().filename().string().starts_with('.')) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  for (const fs::path& file : found) {
    try {
      spdlog::warn("{}", read_file(file, kLongest));
    } catch (const Error& error) {
      spdlog::warn("{}", error.what());
    }
    fs::remove(file, failed);
  }
}

}  // namespace gantry::containers
