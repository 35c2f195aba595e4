#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {

/// Takes the entries of an archive into a directory. Nothing of the archive leads out of it: a container's tree is
/// whatever the container made of it. What is made belongs to whoever runs this.
class TreeTarget {
 public:
  /// Throws Failure if it cannot be opened.
  explicit TreeTarget(std::string directory);
  /// Sets the directories' times and modes, which stay writable until then.
  ~TreeTarget();
  TreeTarget(const TreeTarget&) = delete;
  TreeTarget& operator=(const TreeTarget&) = delete;

  /// Makes what `member` says, with its content from `reader`. Throws Failure ("cannot overwrite ...").
  void take(const TarMember& member, TarReader& reader);

 private:
  struct Directory {
    std::string path;  ///< Below the target.
    TarMember member;
  };
  [[nodiscard]] UniqueFd open_directory(const std::string& path, bool make) const;
  bool make_room(int parent, const std::string& base, const TarMember& member) const;
  void make(int parent, const std::string& path, const TarMember& member, TarReader& reader);
  void make_directory(int parent, const std::string& path, const TarMember& member, bool exists);
  void make_file(int parent, const std::string& base, const TarMember& member, TarReader& reader) const;
  void make_hard_link(int parent, const std::string& base, const TarMember& member) const;
  /// As a message has it.
  [[nodiscard]] std::string shown(const std::string& name) const;

  std::string directory_;
  UniqueFd root_;
  std::vector<Directory> directories_;
};

}  // namespace gantry::cli
