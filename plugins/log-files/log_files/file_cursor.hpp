#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/log.hpp"
#include "log_files/rotated_files.hpp"

namespace gantry::log_files {

/// How entries lie in a file.
class Format {
 public:
  virtual ~Format() = default;

  /// Where the file's last `count` entries begin; `count` becomes the number of those that the file lacks.
  virtual std::int64_t seek_last(int fd, std::uint64_t& count) const = 0;

  /// Takes the whole entries at the front of `bytes`; how many bytes they were. What is damaged is left out.
  virtual std::size_t parse(std::string_view bytes, std::vector<log::v1::Entry>& out) const = 0;
};

/// Reads a container's log through its rotations.
class FileCursor : public log::v1::Cursor {
 public:
  FileCursor(std::string path, std::unique_ptr<const Format> format, log::v1::ReadRequest request);

  void next(std::vector<log::v1::Entry>& out, const Call& call) override;
  [[nodiscard]] bool finished() const noexcept override { return finished_; }
  void watched(std::vector<std::string>& out) const override;

 private:
  void open_at_tail(std::uint64_t entries);
  bool read_block();
  bool seek_if_cleared();
  void take_entries(std::vector<log::v1::Entry>& out);
  bool matches(const log::v1::Entry& entry);

  std::unique_ptr<const Format> format_;
  log::v1::ReadRequest request_;
  RotatedFiles files_;
  std::string pending_;  ///< The start of an entry whose end is not written yet.
  bool finished_{};
};

}  // namespace gantry::log_files
