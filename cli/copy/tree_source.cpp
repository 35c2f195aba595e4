#include "copy/tree_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>

#include "command/failure.hpp"
#include "parse/text.hpp"
#include "tar/header.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {

namespace {

[[noreturn]] void throw_source(const char* call, const std::string& path) {
  throw Failure(std::string(call) + " " + path + ": " + lower(std::strerror(errno)));
}

std::string link_target(const std::string& path) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) throw_source("readlink", path);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

// Empty without: a lack of it, or of file systems that have any, is no error.
std::string capability_of(int file) {
  std::string value(64, '\0');
  const ssize_t size = ::fgetxattr(file, kCapabilityXattr, value.data(), value.size());
  value.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return value;
}

}  // namespace

TreeSource::TreeSource(const std::string& path, const std::string& root) { waiting_.push_back({path, root}); }

// By name, so that the same tree gives the same bytes.
void TreeSource::list(const Entry& directory) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator{directory.path, failed}) {
    names.push_back(entry.path().filename().string());
  }
  if (failed) throw Failure("open " + directory.path + ": " + lower(failed.message()));
  std::sort(names.rbegin(), names.rend());
  for (const std::string& name : names) waiting_.push_back({directory.path + "/" + name, directory.name + "/" + name});
}

bool TreeSource::start_entry() {
  while (!waiting_.empty()) {
    const Entry entry = std::move(waiting_.back());
    waiting_.pop_back();
    struct stat status {};
    if (::lstat(entry.path.c_str(), &status) != 0) throw_source("lstat", entry.path);
    if (S_ISSOCK(status.st_mode)) continue;
    std::string target;
    std::string capability;
    bool again = false;
    if (S_ISDIR(status.st_mode)) {
      list(entry);
    } else if (S_ISLNK(status.st_mode)) {
      target = link_target(entry.path);
    } else if (status.st_nlink > 1) {
      const auto [first, is_new] = seen_.try_emplace({status.st_dev, status.st_ino}, entry.name);
      again = !is_new;
      if (again) target = first->second;
    }
    if (S_ISREG(status.st_mode) && !again) {
      UniqueFd file{::open(entry.path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
      if (!file) throw_source("open", entry.path);
      if (::fstat(file.get(), &status) != 0) throw_source("stat", entry.path);
      capability = capability_of(file.get());
      send(std::move(file), static_cast<std::size_t>(status.st_size));
    }
    piece_ = tar_header_of_owner(entry.name, status, target, again, capability);
    return true;
  }
  return false;
}

}  // namespace gantry::cli
