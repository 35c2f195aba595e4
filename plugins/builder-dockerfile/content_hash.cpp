#include "content_hash.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "gantry/error.hpp"
#include "gantry/regular_file.hpp"
#include "layer_archive/extended_attributes.hpp"
#include "layer_archive/system_error.hpp"
#include "sha256.hpp"
#include "text.hpp"

namespace gantry::dockerfile {
namespace {

char type_flag(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return '2';
    case S_IFCHR:
      return '3';
    case S_IFBLK:
      return '4';
    case S_IFDIR:
      return '5';
    case S_IFIFO:
      return '6';
    default:
      return '0';
  }
}

}  // namespace

FileSum::FileSum(const std::string& name, const struct stat& status, const std::string& capability) {
  const bool device = S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
  const auto field = [&](std::string_view key, const std::string& value) {
    hash_.update(key);
    hash_.update(value);
  };
  field("name", S_ISDIR(status.st_mode) ? name + "/" : name);
  field("mode", std::to_string(status.st_mode & 07777));
  field("uid", std::to_string(status.st_uid));
  field("gid", std::to_string(status.st_gid));
  field("size", std::to_string(S_ISREG(status.st_mode) ? status.st_size : 0));
  field("typeflag", std::string(1, type_flag(status.st_mode)));
  field("linkname", "");
  field("uname", "");
  field("gname", "");
  field("devmajor", std::to_string(device ? ::major(status.st_rdev) : 0));
  field("devminor", std::to_string(device ? ::minor(status.st_rdev) : 0));
  if (!capability.empty()) field("security.capability", capability);
}

std::string sum_of_file(const SummedFile& file, const Call& call) {
  const struct stat& status = file.status;
  std::string capability;
  for (const auto& [name, value] : layer_archive::extended_attributes("/proc/self/fd/" + std::to_string(file.place))) {
    if (name == "security.capability") capability = value;
  }
  FileSum hash{file.name, status, capability};
  if (!S_ISREG(status.st_mode) || status.st_size == 0) return hash.hex();
  std::vector<std::byte> buffer(std::min(std::size_t{256} << 10, static_cast<std::size_t>(status.st_size) + 1));
  for (;;) {
    call.check();
    const ssize_t got = ::read(file.content, buffer.data(), buffer.size());
    if (got < 0) layer_archive::throw_errno("cannot read " + layer_archive::quoted(file.name));
    if (got == 0) return hash.hex();
    hash.update(std::span{buffer}.first(static_cast<std::size_t>(got)));
  }
}

std::string hash_of_directory(std::vector<std::string> hashes) {
  std::sort(hashes.begin(), hashes.end());
  return "dir:" + sha256_hex(join(hashes, ","));
}

void throw_not_in_context(const std::string& path) {
  throw Error{Errc::not_found,
              "file not found in build context or excluded by .dockerignore: stat " + path + ": file does not exist"};
}

std::string TreeHash::compute(const std::string& path, const struct stat& status) {
  const UniqueFd place = tree_.open(path, O_PATH);
  UniqueFd file;
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    struct stat opened {};
    file = open_regular(place.get(), opened);
    if (!file) layer_archive::throw_errno("cannot read " + layer_archive::quoted(path));
  }
  return sum_of_file({path, status, place.get(), file.get()}, call_);
}

std::string TreeHash::single(const std::string& path) {
  // Of a link, what it leads to is meant, under its own name; of one that leads nowhere, the name alone.
  std::string real;
  struct stat status {};
  if (!tree_.resolve(path, real, status)) return path;
  if (real.empty()) return path;
  const auto known = known_.find(real);
  if (known != known_.end()) return known->second;
  return known_[real] = compute(real, status);
}

std::string TreeHash::of(const std::string& path, const IgnorePatterns& exclude) {
  const std::lock_guard lock{mutex_};
  std::string real;
  struct stat status {};
  if (!tree_.resolve(path, real, status)) throw_not_in_context(path);
  if (!S_ISDIR(status.st_mode)) return "file:" + single(real);
  const UniqueFd directory = tree_.open(real, O_RDONLY | O_DIRECTORY);
  if (!directory) layer_archive::throw_errno("cannot open " + layer_archive::quoted(path));
  std::vector<std::string> hashes;
  if (!real.empty()) hashes.push_back(single(real));
  for (const std::string& inner : Tree{directory.get()}.all()) {
    if (!exclude.matches(inner)) hashes.push_back(single(real.empty() ? inner : real + "/" + inner));
  }
  return hash_of_directory(std::move(hashes));
}

std::string combined_hash(const std::vector<std::string>& hashes) {
  return hashes.size() == 1 ? hashes.front() : "multi:" + sha256_hex(join(hashes, ","));
}

}  // namespace gantry::dockerfile
