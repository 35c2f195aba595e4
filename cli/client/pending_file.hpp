#pragma once

#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// A temporary file beside `path`, readable for the user only, that takes its place when it is committed.
class PendingFile {
 public:
  /// Throws Failure.
  explicit PendingFile(const std::string& path);
  ~PendingFile();
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  void commit();

 private:
  std::string path_;
  std::string temporary_;
  UniqueFd fd_;
};

/// Throws Failure with errno's text: "open /x: permission denied".
[[noreturn]] void throw_open_failure(const std::string& path);

/// What the file has. Throws Failure.
std::string whole_file(const std::string& path);

/// Writes all of it. Throws Failure.
void write_fully(int fd, std::string_view bytes);

}  // namespace gantry::cli
