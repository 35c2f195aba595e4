#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "content_hash.hpp"
#include "fetcher.hpp"
#include "gantry/builder.hpp"
#include "tree.hpp"
#include "work_directory.hpp"

namespace gantry::dockerfile {

/// A further directory that the recipe knows by a name.
struct NamedContext {
  UniqueFd root;
  std::unique_ptr<Tree> tree;
  std::unique_ptr<ContentHash> hash;
};

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

  /// The files that `name` means beside stages and images; none if it means none. Any thread.
  /// Errors: not_found, and the fetcher's.
  const NamedContext* named(const std::string& name, const Fetcher& fetcher, const Call& call);
  /// The image that the user wants in the place of `name`.
  [[nodiscard]] std::optional<std::string> image_named(const std::string& name) const;

 private:
  void take_directories(const Call& call);
  NamedContext fetched_context(const std::string& address, const Fetcher& fetcher, const Call& call);
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
  std::map<std::string, std::string> places_;  ///< Of named contexts, as the request has them.
  std::mutex mutex_;
  std::map<std::string, NamedContext> named_;
};

}  // namespace gantry::dockerfile
