#pragma once

#include <memory>
#include <string>

#include "content_hash.hpp"
#include "fetcher.hpp"
#include "tree.hpp"
#include "work_directory.hpp"

namespace gantry::dockerfile {

/// What a file is called whose address gives it no name; as in dockerd.
inline constexpr const char* kUnnamedFile = "__unnamed__";

/// Of a file's content: "sha256:<hex>".
std::string digest_of(int file, const Call& call);

/// What one ADD brings from elsewhere, as a tree to copy from.
class FetchedFiles {
 public:
  explicit FetchedFiles(const WorkDirectory& work);

  [[nodiscard]] const std::string& path() const noexcept { return directory_.path(); }
  [[nodiscard]] const Tree& tree() const noexcept { return *tree_; }
  [[nodiscard]] ContentHash& hash(const Call& call);

  /// Fetches one file, which must have `checksum` ("sha256:<hex>"; empty: any). Answers its name, or "".
  /// Errors: invalid, and the fetcher's.
  std::string take(const std::string& address, const std::string& checksum, const Fetcher& fetcher, const Call& call);

  /// Of the file that was taken under `name`: "sha256:<hex>".
  [[nodiscard]] std::string digest(const std::string& name, const Call& call) const;

 private:
  WorkDirectory directory_;
  UniqueFd root_;
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<ContentHash> hash_;
};

}  // namespace gantry::dockerfile
