#pragma once

#include <dirent.h>

#include <memory>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::layer_archive {

/// One name in a directory.
struct Name {
  std::string text;
  unsigned char type{};  ///< DT_DIR, ... ; DT_UNKNOWN where the filesystem does not say.
};

/// An open directory.
class Directory {
 public:
  /// Opens `name` in the directory `parent` (or AT_FDCWD), not through a link. Errors: not_found, io.
  static Directory open(int parent, const std::string& name);

  [[nodiscard]] int fd() const noexcept { return ::dirfd(stream_.get()); }

  /// All names but "." and "..", as the filesystem has them or sorted by bytes. From the start at each call.
  [[nodiscard]] std::vector<Name> names() const;
  [[nodiscard]] std::vector<std::string> sorted_names() const;

 private:
  struct Close {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
  };
  explicit Directory(DIR* stream) : stream_(stream) {}
  std::unique_ptr<DIR, Close> stream_;
};

/// Opens the regular file `name` in a directory for reading: in a tree that somebody works in, it may have become a
/// link, a device or a FIFO since it was looked at, and none of these is opened. Nothing, with errno, if it can't.
UniqueFd open_regular_in(int directory, const std::string& name);

/// Makes a directory if there is none. `mode` holds whatever the process's umask is. Errors: exhausted, io.
void make_directory(int parent, const std::string& name, unsigned mode);

/// For who goes down by recursion, as a container may have nested directories deeper than there is stack: refuses a
/// path that is longer than the kernel takes, which is that of some two thousand directories. Errors: io, naming the
/// path.
void check_depth(const std::string& path);

/// Removes whatever `name` is, with all below it. Succeeds if there is nothing. Uses two descriptors at any depth.
void remove_tree(int parent, const std::string& name);

}  // namespace gantry::layer_archive
