#pragma once

#include <sys/types.h>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/unique_fd.hpp"

namespace gantry::cli {

/// A file or a directory with all that is in it as a tar stream, piece by piece. Links are not followed.
class TreeSource {
 public:
  /// `root` is the name that the archive has for `path`. Throws Failure.
  TreeSource(const std::string& path, const std::string& root);

  /// Empty at the end. Throws Failure.
  std::string_view next();

 private:
  struct Entry {
    std::string path;
    std::string name;
  };

  bool start_entry();
  void list(const Entry& directory);
  std::string_view content();

  std::vector<Entry> waiting_;  ///< The next one last.
  std::map<std::pair<dev_t, ino_t>, std::string> seen_;
  UniqueFd file_;
  std::size_t left_ = 0;
  std::size_t size_ = 0;
  std::string piece_;
  bool ended_ = false;
  std::array<char, 65536> buffer_{};
};

}  // namespace gantry::cli
