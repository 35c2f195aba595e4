#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "content_hash.hpp"
#include "gantry/call.hpp"
#include "path_patterns/pattern.hpp"

namespace gantry::dockerfile {

/// A build context as it was sent: looked through once, its files summed as they pass, and not unpacked before a step
/// needs them. Of archives that say one thing of each path, as clients write them; what others hold is known only when
/// they are unpacked.
class SentArchive {
 public:
  struct Entry {
    mode_t mode{};
    std::string link;     ///< Where a symbolic link leads.
    std::string sum;      ///< Of what is no link.
    std::string content;  ///< Of the files that were asked for.
  };

  /// Null if it has to be unpacked to know what is in it: a path twice, hard links, devices, entries without their
  /// directories, more than `limit` bytes in one of the files whose content is kept (`wanted`).
  /// Errors: invalid (no archive), io.
  static std::unique_ptr<SentArchive> look_through(int file, const std::set<std::string>& wanted, std::size_t limit,
                                                   const Call& call);

  /// Sorted, a directory before what is in it.
  [[nodiscard]] std::vector<std::string> paths() const;
  /// What is below a directory; all of it below "". Of a path and what is there.
  [[nodiscard]] std::vector<std::pair<std::string_view, const Entry*>> below(const std::string& directory) const;
  /// Null if there is nothing. Links are not followed.
  [[nodiscard]] const Entry* find(const std::string& path) const;
  /// Where `path` leads to when all links are followed, inside of the context ("" for its root); false if to nothing.
  [[nodiscard]] bool resolve(const std::string& path, std::string& out) const;

  void leave_out(const std::string& path) { entries_.erase(path); }

 private:
  class Looking;
  /// As a walk through sorted directories has them.
  struct WalkOrder {
    bool operator()(std::string_view a, std::string_view b) const noexcept;
  };
  std::map<std::string, Entry, WalkOrder> entries_;
};

/// As TreeHash, of what is not unpacked. Any thread.
class ArchiveHash final : public ContentHash {
 public:
  explicit ArchiveHash(const SentArchive& archive) : archive_(archive) {}

  std::string of(const std::string& path, const IgnorePatterns& exclude) override;

 private:
  [[nodiscard]] std::string single(const std::string& path) const;

  const SentArchive& archive_;
};

}  // namespace gantry::dockerfile
