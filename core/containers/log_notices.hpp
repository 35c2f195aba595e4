#pragma once

#include <memory>
#include <string>

#include "base/folder_changes.hpp"

namespace gantry::containers {

/// What is to be said in the daemon's log by processes beside containers (gantry-logger, of lines that were lost): a
/// file each in a folder, which is moved there when it is whole; so nothing is missed while the daemon is away.
class LogNotices {
 public:
  /// `folder` empty: there are none. Errors: io.
  LogNotices(const std::shared_ptr<FolderChanges>& changes, std::string folder);

 private:
  void take() const;

  std::string folder_;
  std::unique_ptr<FolderChanges::Watch> watch_;
};

}  // namespace gantry::containers
