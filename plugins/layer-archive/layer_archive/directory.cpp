#include "layer_archive/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "gantry/regular_file.hpp"
#include "layer_archive/system_error.hpp"

namespace gantry::layer_archive {

Directory Directory::open(int parent, const std::string& name) {
  UniqueFd fd{::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd) throw_errno("cannot open directory " + quoted(name));
  DIR* const stream = ::fdopendir(fd.get());
  if (stream == nullptr) throw_errno("cannot read directory " + quoted(name));
  static_cast<void>(fd.release());
  return Directory{stream};
}

std::vector<Name> Directory::names() const {
  std::vector<Name> names;
  ::rewinddir(stream_.get());
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream_.get());
    if (entry == nullptr) break;
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    names.push_back({entry->d_name, entry->d_type});
  }
  if (errno != 0) throw_errno("cannot read a directory");
  return names;
}

std::vector<std::string> Directory::sorted_names() const {
  std::vector<std::string> sorted;
  for (Name& name : names()) sorted.push_back(std::move(name.text));
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

UniqueFd open_regular_in(int directory, const std::string& name) {
  const UniqueFd found{::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  struct stat status {};
  return open_regular(found.get(), status);
}

void check_depth(const std::string& path) {
  constexpr std::size_t kShown = 64;
  if (path.size() >= PATH_MAX) throw Error{Errc::io, quoted(path.substr(0, kShown) + "...") + ": file name too long"};
}

void make_directory(int parent, const std::string& name, unsigned mode) {
  if (::mkdirat(parent, name.c_str(), mode) != 0) {
    if (errno == EEXIST) return;
    throw_errno("cannot make directory " + quoted(name));
  }
  if (::fchmodat(parent, name.c_str(), mode, 0) != 0) throw_errno("cannot set the mode of " + quoted(name));
}

namespace {

/// A directory on the way down: its name in the one above, and what in it is still to be removed.
struct Level {
  std::string name;
  std::vector<std::string> subdirectories;
};

// Removes what is no directory and returns the directories.
std::vector<std::string> remove_files(const Directory& directory) {
  std::vector<std::string> subdirectories;
  for (Name& name : directory.names()) {
    if (name.type != DT_DIR && ::unlinkat(directory.fd(), name.text.c_str(), 0) == 0) continue;
    if (name.type != DT_DIR && errno == ENOENT) continue;
    if (name.type != DT_DIR && errno != EISDIR && errno != EPERM) throw_errno("cannot remove " + quoted(name.text));
    subdirectories.push_back(std::move(name.text));
  }
  return subdirectories;
}

void remove_directory(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    throw_errno("cannot remove directory " + quoted(name));
  }
}

}  // namespace

void remove_tree(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT || errno == ENOTDIR) return;
  if (errno != EISDIR && errno != EPERM) throw_errno("cannot remove " + quoted(name));
  Directory current = Directory::open(parent, name);
  std::vector<Level> levels{{name, remove_files(current)}};
  // A container may have nested directories deeper than there are descriptors: only the current one is open.
  while (!levels.empty()) {
    Level& level = levels.back();
    if (!level.subdirectories.empty()) {
      const std::string next = std::move(level.subdirectories.back());
      level.subdirectories.pop_back();
      if (::unlinkat(current.fd(), next.c_str(), AT_REMOVEDIR) == 0) continue;
      current = Directory::open(current.fd(), next);
      levels.push_back({next, remove_files(current)});
      continue;
    }
    const std::string done = std::move(level.name);
    levels.pop_back();
    if (levels.empty()) break;
    current = Directory::open(current.fd(), "..");
    remove_directory(current.fd(), done);
  }
  remove_directory(parent, name);
}

}  // namespace gantry::layer_archive
