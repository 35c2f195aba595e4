#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace gantry::dockerfile {

/// What files that have not changed since were found to hold, over all builds, as long as the daemon runs. Any thread.
class SumMemory {
 public:
  /// The sum of a file that was the same in all that a change of it changes: the kernel alone sets a change time.
  [[nodiscard]] std::optional<std::string> find(const std::string& path, const struct stat& status) const;

  /// Remembers one whose reading began at `begun`. Not one that was changed shortly before: a later change could bear
  /// the same time.
  void keep(const std::string& path, const struct stat& status, const timespec& begun, std::string sum);

  [[nodiscard]] std::size_t size() const;

 private:
  struct Known {
    std::string path;
    struct stat status {};
    std::string sum;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Known> known_;  ///< By device and inode; of several names of one the last.
};

/// Whether the filesystem of an open file keeps change times as local ones do.
bool keeps_change_times(int file);

/// Whether two looks at a file found the same content.
bool same_content(const struct stat& a, const struct stat& b) noexcept;

}  // namespace gantry::dockerfile
