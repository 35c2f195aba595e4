#include "layer_archive/parent_directories.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {
namespace {

constexpr std::size_t kMostOpen = 128;

}  // namespace

std::string clean_path(std::string_view name) {
  std::string clean;
  clean.reserve(name.size());
  std::size_t at = 0;
  while (at < name.size()) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (clean.empty()) throw Error{Errc::invalid, quoted(name) + " is outside of the layer"};
      const std::size_t slash = clean.rfind('/');
      clean.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

int ParentDirectories::resolve(const std::string& path) const {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root_, path.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere on the system raced with the resolution.
    if (fd >= 0 || errno != EAGAIN) return static_cast<int>(fd);
  }
}

int ParentDirectories::keep(std::string path, int fd) {
  if (open_.size() >= kMostOpen) {
    auto last = open_.extract(last_path_);
    open_.clear();
    if (last) open_.insert(std::move(last));
  }
  open_[path].reset(fd);
  last_path_ = std::move(path);
  last_fd_ = fd;
  return fd;
}

int ParentDirectories::open(std::string_view path) {
  forgotten_.clear();
  if (path.empty()) return root_;
  if (last_fd_ >= 0 && path == last_path_) return last_fd_;
  std::string key{path};
  const auto known = open_.find(key);
  if (known != open_.end()) {
    last_path_ = std::move(key);
    return last_fd_ = known->second.get();
  }
  const int fd = resolve(key);
  return fd < 0 ? -1 : keep(std::move(key), fd);
}

int ParentDirectories::open_or_make(std::string_view path) {
  const int found = open(path);
  if (found >= 0) return found;
  if (errno != ENOENT) {
    const int error = errno;
    if (error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG) {
      throw Error{Errc::invalid, quoted(path) + " is not a directory in the layer"};
    }
    throw_errno("cannot open " + quoted(path), error);
  }
  const std::size_t slash = path.rfind('/');
  const std::string_view above = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
  const std::string name{slash == std::string_view::npos ? path : path.substr(slash + 1)};
  make_directory(open_or_make(above), name, 0755);
  const int made = open(path);
  if (made < 0) throw Error{Errc::invalid, quoted(path) + " is a link to nothing in the layer"};
  return made;
}

void ParentDirectories::forget() {
  forgotten_ = std::exchange(open_, {});
  last_fd_ = -1;
  last_path_.clear();
}

}  // namespace gantry::layer_archive
