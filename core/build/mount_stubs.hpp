#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

namespace gantry::build {

/// The files and directories that a runtime makes so that it can mount something there: they are no part of what a step
/// has done. Blocks.
class MountStubs {
 public:
  /// Before the container runs: which of `targets` are missing in the tree at `root`.
  MountStubs(int root, const std::vector<std::string>& targets);

  [[nodiscard]] bool empty() const noexcept { return missing_.empty(); }

  /// After it: removes those that are still empty, and gives the directories around them their times back.
  void remove(int root) const;

 private:
  struct Parent {
    std::string path;
    timespec modified{};
  };
  std::vector<std::string> missing_;  ///< What is in a directory before the directory.
  std::vector<Parent> parents_;
};

/// Where every container has something mounted over its image's tree.
const std::vector<std::string>& usual_mount_targets();

}  // namespace gantry::build
