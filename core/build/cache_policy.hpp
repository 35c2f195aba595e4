#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"

/// Which of the builds' cache goes, and when: decisions only.
namespace gantry::build {

/// One thing in the cache: a step's image, or what a builder driver keeps.
struct CacheEntry {
  std::string driver;  ///< Empty: a step.
  std::string id;
  std::string parent;  ///< Of a step; goes after it.
  std::string type;    ///< "regular" for a step.
  std::string description;
  std::uint64_t size{};
  Nanoseconds created{};
  Nanoseconds last_used{};
  std::uint64_t use_count{};
  bool in_use{};
  bool shared{};  ///< An image has it, too: removing it would free nothing.
};

/// Bytes; 0: no such limit.
struct CacheLimits {
  std::int64_t reserved{};  ///< The cache is never made smaller,
  std::int64_t max_used{};  ///< never left larger,
  std::int64_t min_free{};  ///< and made smaller while less of the disk is free.
  bool operator==(const CacheLimits&) const = default;
};

/// What may stay of `total` bytes; 0: nothing, as there is no limit to go down to.
std::int64_t kept_bytes(const CacheLimits& limits, std::int64_t total, std::int64_t free);

using CacheFilters = std::map<std::string, std::vector<std::string>>;

/// Which entries a rule is about.
class CacheSelection {
 public:
  /// "until" or "unused-for" (a duration, or a time), "id", "parent", "type", "description", "inuse", "shared",
  /// "private". Errors: invalid, in dockerd's words.
  explicit CacheSelection(const CacheFilters& filters);
  [[nodiscard]] bool has(const CacheEntry& entry) const;

 private:
  CacheFilters fields_;
  Nanoseconds used_before_{};  ///< 0: whenever.
};

struct CacheRule {
  CacheFilters filters;
  CacheLimits limits;
};

/// How the cache is held to its limits: `rules` one after the other, after each build.
struct CacheSettings {
  bool enabled{true};
  std::vector<CacheRule> rules;
};

/// On a disk of so many bytes: a tenth of it or 10 GB reserved, at most 60 % or 100 GB used, a fifth kept free.
CacheLimits default_limits(std::int64_t disk);

/// What BuildKit keeps by default: what steps can make again, and have not used for two
/// days, 512 MB of it; what was not used for 60 days only within the limits; then all.
std::vector<CacheRule> default_rules(const CacheLimits& limits);

/// The rules as they hold on a disk of so many bytes: none are the default ones, and one without limits has the
/// default ones.
std::vector<CacheRule> effective_rules(std::vector<CacheRule> rules, std::int64_t disk);

/// Bytes that are only the cache's.
std::int64_t cache_size(const std::vector<CacheEntry>& entries);

/// In which order the entries that `selection` has would go: those that were used last go last, and a step before the
/// one that it stands on. What something needs is left out.
std::vector<const CacheEntry*> removal_order(const std::vector<CacheEntry>& entries, const CacheSelection& selection);

}  // namespace gantry::build
