#include "containers/log_notices.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/file.hpp"

namespace gantry::containers {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongest = 4096;

}  // namespace

LogNotices::LogNotices(const boost::asio::any_io_executor& executor, std::shared_ptr<FolderChanges> changes,
                       std::string folder, std::chrono::milliseconds interval)
    : changes_(std::move(changes)), folder_(std::move(folder)), interval_(interval), timer_(executor) {
  if (folder_.empty()) return;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  if (failed) throw_errno("cannot make " + folder_, failed.value());
  fs::permissions(folder_, fs::perms::owner_all, failed);
  watch();
  take();
}

/// Or looks by itself until it can.
void LogNotices::watch() {
  try {
    watch_ = changes_->watch({folder_}, [this] { take(); });
  } catch (const Error& error) {
    spdlog::debug("{}", error.what());  // as if there were no instance
  }
  if (!watch_) look_later();
}

void LogNotices::look_later() {
  timer_.expires_after(interval_);
  timer_.async_wait([this, alive = std::weak_ptr{alive_}](const boost::system::error_code& ended) {
    if (ended || alive.expired()) return;
    watch();
    take();
  });
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
