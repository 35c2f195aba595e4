#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "gantry/unique_fd.hpp"

namespace gantry::layer_archive {

/// An entry's name, made relative to the root: without leading "/", "." and empty parts; "" is the root itself.
/// Errors: invalid if ".." leads out of it.
std::string clean_path(std::string_view name);

/// The directories that entries go into, kept open. A name is resolved inside of the root as the container would
/// resolve it: absolute links and ".." in links never lead out.
class ParentDirectories {
 public:
  /// `root` stays the caller's.
  explicit ParentDirectories(int root) : root_(root) {}

  /// A descriptor (O_PATH) of the directory at a clean path; missing ones are made, root's and 0755.
  /// It stays open until the next call but one. Errors: invalid (a part of it is a file or a dangling link), exhausted,
  /// io.
  int open_or_make(std::string_view path);

  /// The same without making anything; -1 if there is no such directory.
  int open(std::string_view path);

  /// After a directory or a link was removed or replaced: what is open may be elsewhere now. Descriptors that were
  /// handed out stay open until the next call.
  void forget();

 private:
  int resolve(const std::string& path) const;
  int keep(std::string path, int fd);

  int root_;
  std::string last_path_;
  int last_fd_ = -1;
  std::unordered_map<std::string, UniqueFd> open_;
  std::unordered_map<std::string, UniqueFd> forgotten_;
};

}  // namespace gantry::layer_archive
