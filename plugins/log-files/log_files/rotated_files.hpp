#pragma once

#include <cstdint>
#include <string>

#include "gantry/unique_fd.hpp"
#include "log_files/gunzip.hpp"

namespace gantry::log_files {

/// One open file of a log that is rotated meanwhile: `path`, before it path.1 or path.1.gz, path.2 and so on.
class RotatedFiles {
 public:
  explicit RotatedFiles(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(file_); }
  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  bool open_oldest();
  /// The one of an age, 0 being the newest. False if there is none.
  bool open(std::size_t age);
  /// After a rotation, the file that follows the open one. False if that is the newest.
  bool open_next();
  /// Whether the open one is the newest.
  [[nodiscard]] bool is_newest() const;

 private:
  [[nodiscard]] std::string name(std::size_t age) const;
  [[nodiscard]] bool exists(std::size_t age) const;
  /// Whether the open file is the one that has this age now.
  [[nodiscard]] bool is_at(std::size_t age) const;

  std::string path_;
  UniqueFd file_;
  bool unpacked_{};    ///< The open one is the content of a compressed one,
  Identity original_;  ///< which was this once.
};

}  // namespace gantry::log_files
