#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::container_shim {

/// A file of lines, rotated by size: `path`, then path.1, path.2 and so on, or path.1.gz where they are compressed.
class LogFile {
 public:
  explicit LogFile(const PlanLog& plan);

  [[nodiscard]] explicit operator bool() const { return static_cast<bool>(file_); }

  /// Takes one line, as it is to be written; it is on its way to the disk after `flush`.
  void add(std::string_view line);
  void flush();
  void reopen();
  /// Where it could not be opened, after a rotation on a full disk: again, once a second at most.
  void retry();

 private:
  void rotate();
  void shift_names() const;
  void compress_newest() const;
  [[nodiscard]] std::string name(std::uint32_t age) const;

  const PlanLog& plan_;
  std::uint32_t max_files_;
  std::uint64_t size_ = 0;
  std::int64_t tried_ = 0;  ///< CLOCK_MONOTONIC, seconds.
  UniqueFd file_;
  std::string out_;
};

}  // namespace gantry::container_shim
