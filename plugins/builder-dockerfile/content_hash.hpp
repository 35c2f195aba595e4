#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gantry/call.hpp"
#include "path_patterns/pattern.hpp"
#include "tree.hpp"

namespace gantry::dockerfile {

using path_patterns::IgnorePatterns;

/// What names the content of files for the cache and the history: name, mode, owner, size, kind, link, and content, but
/// no times (tarsum v1, so that it is dockerd's own). Any thread.
class ContentHash {
 public:
  ContentHash(const Tree& tree, const Call& call) : tree_(tree), call_(call) {}

  /// "file:<hex>" or "dir:<hex>" of what is at `path`. Errors: not_found.
  std::string of(const std::string& path, const IgnorePatterns& exclude);

 private:
  std::string single(const std::string& path);
  std::string compute(const std::string& path, const struct stat& status);

  const Tree& tree_;
  const Call& call_;
  std::mutex mutex_;
  std::map<std::string, std::string> known_;
};

/// "multi:<hex>" of several; of one it is that one.
std::string combined_hash(const std::vector<std::string>& hashes);

}  // namespace gantry::dockerfile
