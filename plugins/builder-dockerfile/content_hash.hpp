#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "gantry/call.hpp"
#include "path_patterns/pattern.hpp"
#include "sha256.hpp"
#include "tree.hpp"

namespace gantry::dockerfile {

using path_patterns::IgnorePatterns;

/// What names the content of files for the cache and the history: name, mode, owner, size, kind, link, and content, but
/// no times (tarsum v1, so that it is dockerd's own). Any thread.
class ContentHash {
 public:
  virtual ~ContentHash() = default;
  /// "file:<hex>" or "dir:<hex>" of what is at `path`. Errors: not_found.
  virtual std::string of(const std::string& path, const IgnorePatterns& exclude) = 0;
};

/// Of a tree that stays as it is.
class TreeHash final : public ContentHash {
 public:
  TreeHash(const Tree& tree, const Call& call) : tree_(tree), call_(call) {}

  std::string of(const std::string& path, const IgnorePatterns& exclude) override;

 private:
  std::string single(const std::string& path);
  std::string compute(const std::string& path, const struct stat& status);

  const Tree& tree_;
  const Call& call_;
  std::mutex mutex_;
  std::map<std::string, std::string> known_;
};

/// The sum of one file, whose content is told piece by piece.
class FileSum {
 public:
  /// `name` is its path; `capability` the value of security.capability, if it has that.
  FileSum(const std::string& name, const struct stat& status, const std::string& capability = {});
  void update(std::span<const std::byte> content) { hash_.update(content); }
  /// The digits. Once.
  std::string hex() { return hash_.hex(); }

 private:
  Sha256 hash_;
};

/// One file, open.
struct SummedFile {
  const std::string& name;  ///< Its path.
  const struct stat& status;
  int place;    ///< Any descriptor of it.
  int content;  ///< To be read; -1 if there is nothing to read.
};

/// The hex digits of one.
std::string sum_of_file(const SummedFile& file, const Call& call);
/// "dir:<hex>" of a directory's own and all that is in it.
std::string hash_of_directory(std::vector<std::string> hashes);
/// In dockerd's words.
[[noreturn]] void throw_not_in_context(const std::string& path);

/// "multi:<hex>" of several; of one it is that one.
std::string combined_hash(const std::vector<std::string>& hashes);

}  // namespace gantry::dockerfile
