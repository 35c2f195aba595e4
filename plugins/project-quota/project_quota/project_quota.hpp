#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry::project_quota {

/// Sets limits to directories of one filesystem. Any thread.
class ProjectQuota {
 public:
  /// `directory` is on the filesystem in question; `first` is where the driver's own range of projects begins.
  /// Errors: io.
  ProjectQuota(const std::string& directory, std::uint32_t first);

  /// Whether the filesystem has project quotas and obeys them, as it is mounted now.
  [[nodiscard]] bool enforced() const;

  /// Limits what the directory and all that will be made in it take up. It is empty, or has a limit already.
  /// Errors: unsupported (see `enforced`), exhausted (no project is free), io.
  void limit(const std::string& directory, std::uint64_t bytes);

  /// Puts a project's number down on another directory, which counts nothing: where the owner of the limited one cannot
  /// change it. Errors: io.
  static void note(const std::string& directory, std::uint32_t project);

  /// The project of a directory; 0: none.
  [[nodiscard]] static std::uint32_t project_of(const std::string& directory);

  /// Takes a project's limit away, once its directory is gone. Nothing happens for 0.
  void forget(std::uint32_t project) noexcept;

 private:
  [[nodiscard]] bool is_free(std::uint32_t project) const;
  std::uint32_t next_free();
  void set_limit(std::uint32_t project, std::uint64_t bytes);

  UniqueFd place_;
  std::uint32_t first_;
  std::mutex mutex_;
  std::uint32_t next_;
};

/// "10g", "512MiB": a number with a unit, powers of 1024; 0 if it is none. Errors: none.
std::uint64_t parse_size(const std::string& text);

}  // namespace gantry::project_quota
