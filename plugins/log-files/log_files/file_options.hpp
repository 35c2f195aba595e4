#pragma once

#include <string>

#include "gantry/log.hpp"

namespace gantry::log_files {

/// How much is kept.
struct FileLimits {
  std::uint64_t max_size{};
  std::uint32_t max_files{1};
  bool compress{};
};

/// The options max-size, max-file and compress. Without max-size a log never fills the disk: five files of 20 MB.
/// Errors: invalid, in the words of dockerd's json-file driver.
FileLimits json_file_limits(const Options& options);

/// The same for dockerd's local driver, which compresses unless it is told not to.
FileLimits local_limits(const Options& options);

/// `clear` for a log of files: the rotated ones go, the oldest first, the present one becomes empty. Errors: io.
void clear_files(const std::string& path);

}  // namespace gantry::log_files
