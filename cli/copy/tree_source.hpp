#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tar/stream.hpp"

namespace gantry::cli {

/// A file or a directory with all that is in it as a tar stream, piece by piece. Links are not followed.
class TreeSource : public TarStream {
 public:
  /// `root` is the name that the archive has for `path`. Throws Failure.
  TreeSource(const std::string& path, const std::string& root);

 private:
  struct Entry {
    std::string path;
    std::string name;
  };

  bool start_entry() override;
  void list(const Entry& directory);

  std::vector<Entry> waiting_;  ///< The next one last.
  std::map<std::pair<dev_t, ino_t>, std::string> seen_;
};

}  // namespace gantry::cli
