#pragma once

#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::dockerfile {

/// A directory of one build's alone; removed with all that is in it.
class WorkDirectory {
 public:
  /// Below `parent`. Errors: exhausted, io.
  explicit WorkDirectory(const std::string& parent);
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Makes a directory in it. Answers its path.
  [[nodiscard]] std::string make(const std::string& name) const;

 private:
  std::string path_;
};

/// Opens a directory of the driver's own. Errors: io.
UniqueFd open_directory(const std::string& path);

}  // namespace gantry::dockerfile
