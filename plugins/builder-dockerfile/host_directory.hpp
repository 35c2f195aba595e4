#pragma once

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "content_hash.hpp"
#include "gantry/builder.hpp"
#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"
#include "path_patterns/pattern.hpp"
#include "sum_memory.hpp"

namespace gantry::dockerfile {

/// A build context where the user has it: looked through, read with the user's rights, and nothing of it copied before
/// a step needs it. Links lead nowhere out of it. It may change at any moment: what is copied is what counts.
class HostDirectory {
 public:
  /// Errors: denied, io, invalid (too deep).
  HostDirectory(int directory, builder::v1::Reader reader, const Call& call);

  /// A small file, whether it is ignored or not; nothing if there is none.
  [[nodiscard]] std::optional<std::string> read(const std::string& path, std::size_t limit) const;

  /// Lists what is there, without what the patterns leave out.
  void list(const path_patterns::IgnorePatterns& ignored);

  /// One that was listed.
  struct File {
    std::string path;
    struct stat status {};  ///< As it was when it was read last.
  };
  [[nodiscard]] std::vector<File>& files() noexcept { return files_; }
  [[nodiscard]] std::vector<std::string> paths() const;
  /// Null if it was not listed.
  [[nodiscard]] File* find(std::string_view path);

  /// Where `path` leads to when all links are followed ("" for the root); false if to nothing that was listed.
  bool resolve(const std::string& path, std::string& out);

  /// Whether the user may read whatever there is.
  [[nodiscard]] bool reads_all() const noexcept { return reader_.uid == 0; }

  /// With the user's rights. -1 with errno.
  [[nodiscard]] UniqueFd open(const std::string& path, int flags) const;

  /// Copies all that was listed into an empty directory. Answers whether each file was as `files()` has it.
  bool copy_to(int root, const Call& call);

  /// Held while files are read: `files()` is everybody's.
  [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }

 private:
  void list_below(int directory, const std::string& path, const path_patterns::IgnorePatterns& ignored);
  /// Under which name a file with several was copied first.
  using FirstNames = std::map<std::pair<dev_t, ino_t>, std::string>;
  bool copy_file(File& file, int root, FirstNames& first_names, const Call& call) const;

  const builder::v1::Reader reader_;
  const Call& call_;
  UniqueFd root_;
  std::string prefix_;
  std::vector<File> files_;  ///< A directory before what is in it, and that behind it without a gap.
  std::unordered_map<std::string_view, std::size_t> places_;
  std::mutex mutex_;
};

/// As TreeHash, of a directory that is the user's.
class HostHash final : public ContentHash {
 public:
  HostHash(HostDirectory& directory, SumMemory& memory, const Call& call)
      : directory_(directory), memory_(memory), call_(call) {}

  std::string of(const std::string& path, const IgnorePatterns& exclude) override;

 private:
  std::string single(HostDirectory::File& file);
  std::string of_link(const std::string& path);

  HostDirectory& directory_;
  SumMemory& memory_;
  const Call& call_;
};

}  // namespace gantry::dockerfile
