#pragma once

#include <string>

namespace gantry::daemon {

/// The daemon's process id in a file, removed at the end.
class PidFile {
 public:
  /// Errors: conflict if the process that the file names runs; io.
  explicit PidFile(std::string path);
  ~PidFile();
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
};

}  // namespace gantry::daemon
