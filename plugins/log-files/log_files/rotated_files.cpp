#include "log_files/rotated_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

namespace gantry::log_files {

namespace {

constexpr std::size_t kMostFiles = 1000;

Identity identity(const struct stat& facts) {
  return {facts.st_ino, std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

std::optional<Identity> identity_of(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return identity(facts);
}

Identity identity_of(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 ? identity(facts) : Identity{};
}

}  // namespace

std::string RotatedFiles::name(std::size_t age) const { return age == 0 ? path_ : path_ + "." + std::to_string(age); }

bool RotatedFiles::exists(std::size_t age) const {
  return ::access(name(age).c_str(), F_OK) == 0 || ::access((name(age) + ".gz").c_str(), F_OK) == 0;
}

bool RotatedFiles::open(std::size_t age) {
  if (UniqueFd file{::open(name(age).c_str(), O_RDONLY | O_CLOEXEC)}; file) {
    unpacked_ = false;
    file_ = std::move(file);
    return true;
  }
  // Who it is comes first: another file may take the name meanwhile, and then it is looked for in vain, not missed.
  const std::string packed = name(age) + ".gz";
  const auto original = original_of(packed);
  const auto own = identity_of(packed);
  UniqueFd file = gunzip(packed);
  if (!file || !own) return false;
  unpacked_ = true;
  original_ = original.value_or(*own);
  file_ = std::move(file);
  return true;
}

bool RotatedFiles::open_oldest() {
  std::size_t age = 0;
  while (age + 1 < kMostFiles && exists(age + 1)) ++age;
  return open(age);
}

bool RotatedFiles::is_at(std::size_t age) const {
  const Identity ours = unpacked_ ? original_ : identity_of(file_.get());
  if (const auto found = identity_of(name(age))) return *found == ours;
  const std::string packed = name(age) + ".gz";
  if (const auto original = original_of(packed)) return *original == ours;
  return identity_of(packed) == ours;
}

// While ours is open nobody else gets its inode, but it may grow at any instant.
bool RotatedFiles::is_newest() const {
  const auto newest = identity_of(path_);
  return !unpacked_ && newest && newest->inode == identity_of(file_.get()).inode;
}

bool RotatedFiles::open_next() {
  if (!file_) return open_oldest();
  if (is_newest()) return false;
  for (std::size_t age = 1; age < kMostFiles && exists(age); ++age) {
    // Between two renames nothing may be there: the next look finds it.
    if (is_at(age)) return open(age - 1);
  }
  // Ours was rotated away altogether: go on with the oldest that is left.
  return open_oldest();
}

}  // namespace gantry::log_files
