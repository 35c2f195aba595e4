#include "sum_memory.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>

namespace gantry::dockerfile {
namespace {

/// Some 30 MB at most; a context that is larger than that is read anew.
constexpr std::size_t kMostKnown = 100'000;

/// More than any clock of a file's times is coarse.
constexpr std::int64_t kSettled = 2'500'000'000;

constexpr unsigned long kXfs = 0x58465342;
constexpr unsigned long kZfs = 0x2fc12fc1;

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

std::uint64_t key_of(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_ino) ^
         (static_cast<std::uint64_t>(status.st_dev) * 0x9e3779b97f4a7c15ULL);
}

bool same_time(const timespec& a, const timespec& b) noexcept { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

bool same_content(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_mode == b.st_mode && a.st_size == b.st_size &&
         same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

bool keeps_change_times(int file) {
  struct statfs status {};
  if (::fstatfs(file, &status) != 0) return false;
  static constexpr std::array<unsigned long, 7> kLocal{
      EXT4_SUPER_MAGIC, kXfs, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, kZfs};
  for (const unsigned long known : kLocal) {
    if (static_cast<unsigned long>(status.f_type) == known) return true;
  }
  return false;
}

std::optional<std::string> SumMemory::find(const std::string& path, const struct stat& status) const {
  const std::lock_guard lock{mutex_};
  const auto found = known_.find(key_of(status));
  if (found == known_.end() || !same_content(found->second.status, status) || found->second.path != path) return {};
  return found->second.sum;
}

void SumMemory::keep(const std::string& path, const struct stat& status, const timespec& begun, std::string sum) {
  if (nanoseconds(begun) - nanoseconds(status.st_ctim) < kSettled) return;
  const std::lock_guard lock{mutex_};
  if (known_.size() >= kMostKnown) known_.clear();
  known_[key_of(status)] = {path, status, std::move(sum)};
}

std::size_t SumMemory::size() const {
  const std::lock_guard lock{mutex_};
  return known_.size();
}

}  // namespace gantry::dockerfile
