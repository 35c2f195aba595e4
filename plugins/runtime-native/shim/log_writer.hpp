#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

namespace gantry::native {

/// A container's log file in Docker's json-file format, rotated by size.
class LogWriter {
 public:
  /// `attributes`: of each line, a JSON object; empty: none.
  LogWriter(std::string path, std::uint64_t max_size, std::uint32_t max_files, std::string attributes = {});

  /// Takes what the process wrote to one stream. Lines are logged when they are whole or 16 KB long.
  void write(bool is_stderr, std::string_view bytes);

  /// Logs what is left of unfinished lines.
  void finish();

  void reopen();

 private:
  void flush();
  void rotate();
  void log(bool is_stderr, std::string_view text);

  std::string path_;
  std::string attributes_;
  std::uint64_t max_size_;
  std::uint32_t max_files_;
  std::uint64_t size_ = 0;
  UniqueFd file_;
  std::string partial_[2];
  std::string out_;
  std::string time_;
};

}  // namespace gantry::native
