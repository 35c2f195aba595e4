#pragma once

#include <memory>
#include <string>

#include "content_hash.hpp"
#include "fetcher.hpp"
#include "gantry/builder.hpp"
#include "tree.hpp"
#include "work_directory.hpp"

namespace gantry::dockerfile {

/// The files that the user sent, unpacked, and the recipe among them.
class Context {
 public:
  /// Errors: invalid (no archive; no recipe in it), io, those of the fetcher.
  Context(const std::string& parent, const builder::v1::Request& request, ByteSource& source, const Fetcher& fetcher,
          const Call& call);

  [[nodiscard]] const Tree& tree() const noexcept { return *tree_; }
  [[nodiscard]] ContentHash& hash() noexcept { return *hash_; }
  [[nodiscard]] const std::string& recipe() const noexcept { return recipe_; }
  [[nodiscard]] const std::string& recipe_name() const noexcept { return recipe_name_; }
  /// For what else the build has to put down.
  [[nodiscard]] const WorkDirectory& work() const noexcept { return work_; }

 private:
  void fetch(const std::string& address, const Fetcher& fetcher, const Call& call);
  void fetch_repository(const GitAddress& address, const Fetcher& fetcher, const Call& call);
  void read_recipe(const std::string& wanted);
  void remove_ignored();

  WorkDirectory work_;
  UniqueFd root_;
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<ContentHash> hash_;
  std::string recipe_name_;
  std::string recipe_;
};

}  // namespace gantry::dockerfile
