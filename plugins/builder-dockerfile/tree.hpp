#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "path_patterns/pattern.hpp"

namespace gantry::dockerfile {

/// A directory tree that a stranger wrote: the build context, or an image's. Paths are relative to its root, links in
/// it are resolved inside of it.
class Tree {
 public:
  /// `root` stays the caller's.
  explicit Tree(int root);

  [[nodiscard]] int root() const noexcept { return root_; }

  /// Opens what is at `path` (O_PATH unless other flags are given), links followed; -1 with errno if there is nothing.
  [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;

  /// Opens the regular file that is at `path` for reading, links followed; -1 with errno if there is none (ENXIO:
  /// something else is there, which is not opened).
  [[nodiscard]] UniqueFd open_file(const std::string& path) const;

  /// Where `path` leads to when all links are followed, relative to the root ("" for it); false if to nothing.
  bool resolve(const std::string& path, std::string& out, struct stat& status) const;

  /// The directory at `path`; missing ones are made, 0755 and `uid`'s. Errors: invalid (a file is in the way), io.
  [[nodiscard]] UniqueFd make_directories(const std::string& path, uid_t uid, gid_t gid) const;

  /// Every path below the root, sorted, a directory before what is in it; links not followed.
  [[nodiscard]] std::vector<std::string> all() const;

 private:
  int root_;
  std::string prefix_;
};

using path_patterns::clean_in_root;

/// Where `path` is, seen from `directory`: absolute and clean; a slash at the end stays, and stands for "." as well.
std::string absolute_path(std::string_view path, std::string_view directory);

/// Reads a small file whole. `name`: what it is called in errors: invalid (larger than `limit`), io.
std::string read_whole(int file, std::size_t limit, const std::string& name);

}  // namespace gantry::dockerfile
