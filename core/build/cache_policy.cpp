#include "build/cache_policy.hpp"

#include <algorithm>
#include <queue>
#include <set>

#include "gantry/error.hpp"
#include "images/query.hpp"

namespace gantry::build {
namespace {

constexpr std::int64_t kGigabyte = 1'000'000'000;

/// What a step would make again if it were gone.
constexpr const char* kEasilyMade = "exec.cachemount";

const std::string* single(const CacheFilters& filters, const std::string& name) {
  const auto found = filters.find(name);
  if (found == filters.end() || found->second.empty()) return nullptr;
  if (found->second.size() > 1) throw Error{Errc::invalid, "filters expect only one value"};
  return &found->second.front();
}

/// Entries have none: as with moby such filters, which `system prune` sends to all that it prunes, change nothing.
bool is_of_labels(const std::string& filter) { return filter == "label" || filter == "label!"; }

bool is_true(const std::string& text) { return text.empty() || text == "1" || text == "true"; }

}  // namespace

std::int64_t kept_bytes(const CacheLimits& limits, std::int64_t total, std::int64_t free) {
  if (limits == CacheLimits{}) return 0;
  std::int64_t kept = limits.max_used;
  if (const std::int64_t missing = limits.min_free - free; missing > 0) {
    kept = kept == 0 ? total - missing : std::min(kept, total - missing);
  } else if (kept == 0 && limits.reserved == 0) {
    return total;
  }
  return std::max(kept, limits.reserved);
}

CacheSelection::CacheSelection(const CacheFilters& filters) : fields_(filters) {
  static const std::set<std::string> known{"until",       "unused-for", "id",     "parent", "type",
                                           "description", "inuse",      "shared", "private"};
  for (const auto& [name, values] : filters) {
    if (is_of_labels(name)) continue;
    if (!known.contains(name)) throw Error{Errc::invalid, "invalid filter '" + name + "'"};
    (void)single(filters, name);
  }
  const std::string* until = single(filters, "until");
  const std::string* unused = single(filters, "unused-for");
  if (until != nullptr && unused != nullptr) {
    throw Error{Errc::invalid, "conflicting filters: \"until\" and \"unused-for\""};
  }
  const std::string* time = until == nullptr ? unused : until;
  if (time == nullptr) return;
  try {
    used_before_ = images::time_filter(*time);
  } catch (const Error& error) {
    throw Error{Errc::invalid, std::string{"\""} + (until == nullptr ? "unused-for" : "until") +
                                   "\" filter expects a duration (e.g., '24h') or a timestamp: " + error.what()};
  }
}

bool CacheSelection::has(const CacheEntry& entry) const {
  if (used_before_ != 0 && entry.last_used > used_before_) return false;
  const auto asks = [&](const char* field, const auto& fits) {
    const auto found = fields_.find(field);
    return found == fields_.end() || found->second.empty() || fits(found->second.front());
  };
  const auto without_algorithm = [](const std::string& id) { return id.substr(id.find(':') + 1); };
  return asks("id", [&](const std::string& id) { return entry.id.find(id) != std::string::npos; }) &&
         asks("parent",
              [&](const std::string& id) {
                return !entry.parent.empty() && without_algorithm(entry.parent) == without_algorithm(id);
              }) &&
         asks("type", [&](const std::string& type) { return entry.type == type; }) &&
         asks("description", [&](const std::string& text) { return entry.description == text; }) &&
         asks("inuse", [&](const std::string& wanted) { return entry.in_use == is_true(wanted); }) &&
         asks("shared", [&](const std::string& wanted) { return entry.shared == is_true(wanted); }) &&
         asks("private", [&](const std::string& wanted) { return entry.shared != is_true(wanted); });
}

CacheLimits default_limits(std::int64_t disk) {
  return {std::min(disk / 10, 10 * kGigabyte), std::min(disk / 10 * 6, 100 * kGigabyte), disk / 5};
}

std::vector<CacheRule> default_rules(const CacheLimits& limits) {
  CacheLimits few;
  few.max_used = std::int64_t{512} * 1'000'000;
  return {
      {{{"type", {kEasilyMade}}, {"unused-for", {"48h"}}}, few}, {{{"unused-for", {"1440h"}}}, limits}, {{}, limits}};
}

std::vector<CacheRule> effective_rules(std::vector<CacheRule> rules, std::int64_t disk) {
  if (rules.empty()) rules = default_rules({});
  for (CacheRule& rule : rules) {
    // To a prune they mean that all goes; a collector is not asked for that.
    if (rule.limits == CacheLimits{}) rule.limits = default_limits(disk);
  }
  return rules;
}

std::int64_t cache_size(const std::vector<CacheEntry>& entries) {
  std::int64_t size = 0;
  for (const CacheEntry& entry : entries) {
    if (!entry.shared) size += static_cast<std::int64_t>(entry.size);
  }
  return size;
}

std::vector<const CacheEntry*> removal_order(const std::vector<CacheEntry>& entries, const CacheSelection& selection) {
  std::map<std::string, std::size_t> children;
  std::map<std::string, const CacheEntry*> steps;
  for (const CacheEntry& entry : entries) {
    if (!entry.driver.empty()) continue;
    steps[entry.id] = &entry;
    ++children[entry.parent];
  }
  const auto later = [](const CacheEntry* a, const CacheEntry* b) {
    return a->last_used != b->last_used ? a->last_used > b->last_used : a->use_count > b->use_count;
  };
  std::priority_queue<const CacheEntry*, std::vector<const CacheEntry*>, decltype(later)> free{later};
  const auto consider = [&](const CacheEntry& entry) {
    if (!entry.in_use && !entry.shared && selection.has(entry)) free.push(&entry);
  };
  for (const CacheEntry& entry : entries) {
    if (!entry.driver.empty() || !children.contains(entry.id)) consider(entry);
  }
  std::vector<const CacheEntry*> out;
  while (!free.empty()) {
    const CacheEntry* const entry = free.top();
    free.pop();
    out.push_back(entry);
    if (!entry->driver.empty()) continue;
    const auto parent = steps.find(entry->parent);
    if (parent != steps.end() && --children[entry->parent] == 0) consider(*parent->second);
  }
  return out;
}

}  // namespace gantry::build
