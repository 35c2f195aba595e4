#pragma once

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/async.hpp"

namespace gantry {

/// Tells of files that come and change in folders. One inotify instance for all who ask: a user, whatever his programs,
/// may have only some (128; fs.inotify.max_user_instances). One thread only.
class FolderChanges : public std::enable_shared_from_this<FolderChanges> {
 public:
  /// As long as it lives, somebody is told.
  class Watch {
   public:
    Watch(std::shared_ptr<FolderChanges> of, std::function<void()> changed)
        : of_(std::move(of)), changed_(std::move(changed)) {}
    ~Watch() { of_->drop(*this); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    friend class FolderChanges;
    std::shared_ptr<FolderChanges> of_;
    std::function<void()> changed_;
  };

  explicit FolderChanges(boost::asio::any_io_executor executor);

  /// `changed` is called after a change in one of `folders`, once for several that come together, and ends no watch.
  /// Null if the system has no inotify instance left: the caller has to look by himself now and then. Errors:
  /// not_found, io.
  std::unique_ptr<Watch> watch(const std::vector<std::string>& folders, std::function<void()> changed);

 private:
  void drop(const Watch& watch);
  boost::asio::awaitable<void> tell();
  void take(std::size_t size);

  boost::asio::posix::stream_descriptor instance_;
  bool telling_ = false;
  std::map<int, std::set<const Watch*>> watchers_;  ///< By the kernel's number of a folder.
  alignas(std::max_align_t) std::array<char, 16384> events_{};
};

}  // namespace gantry
