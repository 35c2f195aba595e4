#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "path_patterns/pattern.hpp"
#include "tar/stream.hpp"

namespace gantry::cli {

/// A directory as the tar stream that a build wants, piece by piece: without what .dockerignore leaves out.
class ContextArchive : public TarStream {
 public:
  /// `always` are paths that are sent whatever the patterns say. Throws Failure.
  ContextArchive(const std::string& directory, const path_patterns::IgnorePatterns& ignored,
                 const std::vector<std::string>& always);

  /// Another directory, under a name of its own at the archive's top. Throws Failure.
  void add_directory(const std::string& name, const std::string& directory,
                     const path_patterns::IgnorePatterns& ignored);

  /// A file that is not in the directory.
  void add(std::string path, std::string content) { extra_.emplace_back(std::move(path), std::move(content)); }

 private:
  struct Root {
    UniqueFd directory;
    std::string prefix;  ///< Of the names in the archive.
  };
  void add_root(const std::string& directory, std::string prefix);
  void list(const std::string& path, const path_patterns::IgnorePatterns& ignored);
  bool start_entry() override;

  std::vector<Root> roots_;
  std::vector<std::string> always_;  ///< Of the first root.
  std::vector<std::pair<std::size_t, std::string>> paths_;
  std::vector<std::pair<std::string, std::string>> extra_;
  std::size_t at_ = 0;
  std::size_t extra_at_ = 0;
};

}  // namespace gantry::cli
