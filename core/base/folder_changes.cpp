#include "base/folder_changes.hpp"

#include <sys/inotify.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <cerrno>
#include <cstring>

#include "base/file.hpp"

namespace gantry {

namespace asio = boost::asio;

FolderChanges::FolderChanges(asio::any_io_executor executor) : instance_(std::move(executor)) {}

std::unique_ptr<FolderChanges::Watch> FolderChanges::watch(const std::vector<std::string>& folders,
                                                           std::function<void()> changed) {
  if (!instance_.is_open()) {
    const int made = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (made < 0) return nullptr;
    instance_.assign(made);
  }
  auto watch = std::make_unique<Watch>(shared_from_this(), std::move(changed));
  for (const std::string& folder : folders) {
    const int number =
        ::inotify_add_watch(instance_.native_handle(), folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    if (number < 0) throw_errno("cannot follow " + folder);
    watchers_[number].insert(watch.get());
  }
  if (!telling_ && !watchers_.empty()) {
    telling_ = true;
    asio::co_spawn(
        instance_.get_executor(), [self = shared_from_this()] { return self->tell(); }, asio::detached);
  }
  return watch;
}

void FolderChanges::drop(const Watch& watch) {
  for (auto it = watchers_.begin(); it != watchers_.end();) {
    const bool last = it->second.erase(&watch) != 0 && it->second.empty();
    if (last) ::inotify_rm_watch(instance_.native_handle(), it->first);
    it = last ? watchers_.erase(it) : std::next(it);
  }
  if (!watchers_.empty()) return;
  boost::system::error_code ignored;
  if (telling_) {
    instance_.cancel(ignored);
  } else {
    instance_.close(ignored);
  }
}

// As long as somebody watches.
asio::awaitable<void> FolderChanges::tell() {
  while (!watchers_.empty()) {
    boost::system::error_code failed;
    const std::size_t size =
        co_await instance_.async_read_some(asio::buffer(events_), asio::redirect_error(asio::use_awaitable, failed));
    if (failed && failed != asio::error::operation_aborted) break;
    if (!failed) take(size);
  }
  telling_ = false;
  boost::system::error_code ignored;
  instance_.close(ignored);
}

void FolderChanges::take(std::size_t size) {
  std::set<const Watch*> told;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
    inotify_event event{};
    std::memcpy(&event, &events_[at], sizeof event);
    at += sizeof event + event.len;
    const bool lost_some = (event.mask & IN_Q_OVERFLOW) != 0;
    // Who missed something may be anybody.
    if (lost_some) {
      for (const auto& [number, watches] : watchers_) told.insert(watches.begin(), watches.end());
    } else if (const auto found = watchers_.find(event.wd); found != watchers_.end()) {
      told.insert(found->second.begin(), found->second.end());
    }
    // The folder is gone; its number will mean no other one.
    if ((event.mask & IN_IGNORED) != 0) watchers_.erase(event.wd);
  }
  for (const Watch* watch : told) watch->changed_();
}

}  // namespace gantry
