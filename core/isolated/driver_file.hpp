#pragma once

#include <sys/stat.h>

#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::isolated {

/// A driver's file, held open: a process that is started later, after a crash, loads what the first one did, whatever
/// has come to the file's path since. Any thread.
class DriverFile {
 public:
  /// Errors: unavailable (it cannot be opened).
  explicit DriverFile(std::string path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] int fd() const noexcept { return file_.get(); }

  /// Errors: unavailable (it was written to since it was opened: nobody knows what it does now).
  void check() const;

 private:
  std::string path_;
  UniqueFd file_;
  struct stat opened_ {};
};

}  // namespace gantry::isolated
