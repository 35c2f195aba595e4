#include "build/context_archive.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "command/failure.hpp"
#include "tar/header.hpp"

namespace gantry::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_unreadable(const std::string& path) {
  throw Failure("error checking context: can't stat '" + path + "': " + std::strerror(errno));
}

}  // namespace

ContextArchive::ContextArchive(const std::string& directory, const path_patterns::IgnorePatterns& ignored,
                               const std::vector<std::string>& always)
    : always_(always) {
  add_root(directory, "");
  list("", ignored);
}

void ContextArchive::add_root(const std::string& directory, std::string prefix) {
  UniqueFd root{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!root) {
    if (errno == ENOENT) throw Failure("unable to prepare context: path \"" + directory + "\" not found");
    throw Failure("unable to prepare context: context must be a directory: " + directory);
  }
  roots_.push_back({std::move(root), std::move(prefix)});
}

void ContextArchive::add_directory(const std::string& name, const std::string& directory,
                                   const path_patterns::IgnorePatterns& ignored) {
  add_root(directory, name + "/");
  always_.clear();
  paths_.emplace_back(roots_.size() - 1, ".");
  list("", ignored);
}

// In the order of names, so that the same tree gives the same bytes.
void ContextArchive::list(const std::string& path, const path_patterns::IgnorePatterns& ignored) {
  std::vector<std::string> names;
  std::error_code failed;
  const int root = roots_.back().directory.get();
  const fs::path here = "/proc/self/fd/" + std::to_string(root) + "/" + path;
  for (const auto& entry : fs::directory_iterator{here, failed}) names.push_back(entry.path().filename().string());
  if (failed) throw Failure("error checking context: no permission to read from '" + path + "'");
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string inner = path.empty() ? name : path + "/" + name;
    const bool wanted = std::find(always_.begin(), always_.end(), inner) != always_.end();
    const bool left_out = !wanted && ignored.matches(inner);
    struct stat status {};
    if (::fstatat(root, inner.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throw_unreadable(inner);
    if (!left_out) paths_.emplace_back(roots_.size() - 1, inner);
    const bool holds_wanted = std::any_of(always_.begin(), always_.end(),
                                          [&](const std::string& other) { return other.starts_with(inner + "/"); });
    if (S_ISDIR(status.st_mode) && (!left_out || ignored.takes_back() || holds_wanted)) list(inner, ignored);
  }
}

bool ContextArchive::start_entry() {
  if (extra_at_ < extra_.size()) {
    const auto& [path, content] = extra_[extra_at_++];
    struct stat status {};
    status.st_mode = S_IFREG | 0600;
    status.st_size = static_cast<off_t>(content.size());
    status.st_mtim.tv_sec = ::time(nullptr);
    piece_ = tar_header(path, status, "") + content + tar_padding(content.size());
    return true;
  }
  while (at_ < paths_.size()) {
    const auto& [number, path] = paths_[at_++];
    const int root = roots_[number].directory.get();
    struct stat status {};
    if (::fstatat(root, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) throw_unreadable(path);
    std::string target;
    if (S_ISLNK(status.st_mode)) {
      target.resize(static_cast<std::size_t>(status.st_size) + 1);
      const ssize_t size = ::readlinkat(root, path.c_str(), target.data(), target.size());
      if (size < 0) throw_unreadable(path);
      target.resize(static_cast<std::size_t>(size));
    } else if (S_ISREG(status.st_mode)) {
      UniqueFd file{::openat(root, path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
      if (!file || ::fstat(file.get(), &status) != 0) throw_unreadable(path);
      send(std::move(file), static_cast<std::size_t>(status.st_size));
    } else if (!S_ISDIR(status.st_mode) && !S_ISFIFO(status.st_mode)) {
      continue;  // sockets and devices are no files to build from
    }
    piece_ = tar_header(roots_[number].prefix + path, status, target);
    return true;
  }
  return false;
}

}  // namespace gantry::cli
