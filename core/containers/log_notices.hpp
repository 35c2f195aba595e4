#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/folder_changes.hpp"

namespace gantry::containers {

/// What is to be said in the daemon's log by processes beside containers (gantry-logger, of lines that were lost): a
/// file each in a folder, which is moved there when it is whole; so nothing is missed while the daemon is away.
class LogNotices {
 public:
  /// `folder` empty: there are none. `interval`: how often it looks by itself as long as nobody tells it of changes.
  /// Errors: io.
  LogNotices(const boost::asio::any_io_executor& executor, std::shared_ptr<FolderChanges> changes, std::string folder,
             std::chrono::milliseconds interval = std::chrono::seconds{10});

 private:
  void watch();
  void look_later();
  void take() const;

  std::shared_ptr<FolderChanges> changes_;
  std::string folder_;
  std::chrono::milliseconds interval_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<FolderChanges::Watch> watch_;
  /// A timer that has expired is not cancelled any more, and calls after this object's end.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace gantry::containers
