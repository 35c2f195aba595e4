#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::dockerfile {

struct FileAttributes {
  mode_t mode{};
  uid_t uid{};
  gid_t gid{};
};

/// The secrets and agents' sockets of one step: in a tmpfs of their own, gone with it. They are on no disk.
class LentFiles {
 public:
  /// Mounts below `root`, root's alone. Errors: io.
  explicit LentFiles(const std::string& root);
  ~LentFiles();
  LentFiles(const LentFiles&) = delete;
  LentFiles& operator=(const LentFiles&) = delete;

  /// Answers the new file's path.
  std::string write(const std::string& content, const FileAttributes& attributes);
  /// A socket that listens, and is shut down at the end: whoever serves it is to know. Answers its path.
  std::string listen(const FileAttributes& attributes, int& listener);

  /// What a daemon left that was killed.
  static void remove_left(const std::string& root);

 private:
  std::string next_path();

  std::string path_;
  int files_ = 0;
  std::vector<UniqueFd> listeners_;
};

}  // namespace gantry::dockerfile
