#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "content_hash.hpp"
#include "fetcher.hpp"
#include "gantry/builder.hpp"
#include "host_directory.hpp"
#include "sent_archive.hpp"
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
  /// `tells`: what of it comes from addresses is noted.
  /// Errors: invalid (no archive; no recipe in it), io, those of the fetcher.
  Context(const std::string& parent, const builder::v1::Request& request, ByteSource& source, const Fetcher& fetcher,
          SumMemory& memory, bool tells, const Call& call);

  /// Empty as long as the context is not here.
  [[nodiscard]] const Tree& tree() const noexcept { return *tree_; }
  /// Every path of the context.
  [[nodiscard]] std::vector<std::string> paths();
  [[nodiscard]] ContentHash& hash();

  /// Whether the files are the build's own: a directory of the user's, and what was sent, is only looked through until
  /// a step wants its files.
  [[nodiscard]] bool is_here();
  /// Copies or unpacks them. Hashes that were asked for before may be others now, if somebody has changed the files
  /// meanwhile.
  void bring(const Call& call);

  [[nodiscard]] const std::string& recipe() const noexcept { return recipe_; }
  [[nodiscard]] const std::string& recipe_name() const noexcept { return recipe_name_; }
  /// What of the context its .dockerignore leaves out.
  [[nodiscard]] const IgnorePatterns& ignored() const noexcept { return ignored_; }
  /// For what else the build has to put down.
  [[nodiscard]] const WorkDirectory& work() const noexcept { return work_; }

  /// The files that `name` means beside stages and images; none if it means none. Any thread.
  /// Errors: not_found, and the fetcher's.
  const NamedContext* named(const std::string& name, const Fetcher& fetcher, const Call& call);
  /// What of the files has come from addresses, up to now.
  [[nodiscard]] std::vector<builder::v1::Material> materials();
  /// The image that the user wants in the place of `name`.
  [[nodiscard]] std::optional<std::string> image_named(const std::string& name) const;

 private:
  void look_through(const builder::v1::Request& request, SumMemory& memory, const Call& call);
  bool look_through_archive(const builder::v1::Request& request, const Call& call);
  void take_directories(const Call& call);
  NamedContext fetched_context(const std::string& address, const Fetcher& fetcher, const Call& call);
  void fetch(const std::string& address, const Fetcher& fetcher, const Call& call);
  UniqueFd fetch_repository(const std::string& address, const GitAddress& repository, const std::string& path,
                            const Fetcher& fetcher, const Call& call);
  void read_recipe(const std::string& wanted);
  void remove_ignored();
  [[nodiscard]] std::vector<std::string> left_out(const IgnorePatterns& patterns) const;

  WorkDirectory work_;
  UniqueFd root_;
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<ContentHash> hash_;  ///< Of `tree_`.
  std::unique_ptr<HostDirectory> host_;
  std::unique_ptr<SentArchive> sent_;
  int archive_{-1};                           ///< What `sent_` is of; the daemon's.
  std::unique_ptr<ContentHash> early_hash_;   ///< Of either; null once it no longer tells what `tree_` holds.
  std::unique_ptr<ContentHash> hash_before_;  ///< Somebody may still be at it.
  bool here_{true};
  std::string recipe_name_;
  std::string recipe_;
  IgnorePatterns ignored_{std::vector<std::string>{}};
  std::map<std::string, std::string> places_;  ///< Of named contexts, as the request has them.
  std::mutex mutex_;
  std::map<std::string, NamedContext> named_;
  bool tells_;
  std::vector<builder::v1::Material> materials_;
};

}  // namespace gantry::dockerfile
