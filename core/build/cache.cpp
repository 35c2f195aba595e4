#include "build/cache.hpp"

#include <sys/statvfs.h>

#include <spdlog/spdlog.h>

namespace gantry::build {
namespace {

Disk disk_of(const std::string& folder) {
  struct statvfs status {};
  // Unknown: as if there were room enough.
  if (::statvfs(folder.c_str(), &status) != 0) return {INT64_MAX, INT64_MAX};
  const auto block = static_cast<std::int64_t>(status.f_frsize);
  return {static_cast<std::int64_t>(status.f_blocks) * block, static_cast<std::int64_t>(status.f_bavail) * block};
}

CacheEntry entry_of(const images::CachedStep& step) {
  return {"",           step.id,        step.parent,    "regular",   step.description, step.size,
          step.created, step.last_used, step.use_count, step.in_use, step.shared};
}

builder::v1::Cache* cache_of(builder::v1::Driver& driver) {
  return static_cast<builder::v1::Cache*>(driver.query(builder::v1::Cache::kAbility));
}

}  // namespace

awaitable<std::vector<CacheEntry>> Cache::driver_entries(std::string driver) {
  const plugins::CallSettings settings;
  const auto ask = [](auto& builder, const Call& call) {
    std::vector<builder::v1::CacheRecord> out;
    if (builder::v1::Cache* const cache = cache_of(builder)) cache->records(out, call);
    return out;
  };
  const auto records = co_await drivers_.call(drivers_.builder(driver), Pool::slow, settings, ask);
  std::vector<CacheEntry> out;
  for (const builder::v1::CacheRecord& record : records) {
    CacheEntry entry{driver,
                     record.id,
                     "",
                     record.type,
                     record.description,
                     record.size,
                     record.created,
                     record.last_used,
                     record.use_count,
                     record.in_use,
                     false};
    out.push_back(std::move(entry));
  }
  co_return out;
}

awaitable<std::vector<CacheEntry>> Cache::entries() {
  std::vector<CacheEntry> out;
  for (const std::string& name : drivers_.names("builder")) {
    auto kept = co_await driver_entries(name);
    out.insert(out.end(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
  }
  for (const images::CachedStep& step : images_.cached_steps()) out.push_back(entry_of(step));
  co_return out;
}

awaitable<std::optional<std::uint64_t>> Cache::remove(CacheEntry entry) {
  if (entry.driver.empty()) co_return co_await images_.remove_step(entry.id);
  const plugins::CallSettings settings;
  const auto ask = [id = entry.id](auto& builder, const Call& call) -> std::optional<std::uint64_t> {
    std::uint64_t freed = 0;
    try {
      if (builder::v1::Cache* const cache = cache_of(builder)) cache->remove(id, freed, call);
    } catch (const Error& error) {
      if (error.code() == Errc::conflict) return {};
      throw;
    }
    return freed;
  };
  co_return co_await drivers_.call(drivers_.builder(entry.driver), Pool::slow, settings, ask);
}

awaitable<Disk> Cache::measure_disk() {
  const auto measure = [folder = folder_] { return disk_of(folder); };
  co_return co_await workers_.run(Pool::quick, measure);
}

awaitable<Pruned> Cache::prune(CacheRule rule) {
  const CacheSelection selection{rule.filters};
  const auto all = co_await entries();
  const Disk disk = co_await measure_disk();
  std::int64_t total = cache_size(all);
  const std::int64_t kept = kept_bytes(rule.limits, total, disk.free);
  Pruned out;
  for (const CacheEntry* const entry : removal_order(all, selection)) {
    if (kept > 0 && total <= kept) break;
    const auto freed = co_await remove(*entry);
    if (!freed) continue;
    total -= static_cast<std::int64_t>(entry->size);
    out.ids.push_back(entry->id);
    out.space += static_cast<std::int64_t>(*freed);
  }
  co_return out;
}

awaitable<void> Cache::collect_once() {
  const Disk disk = co_await measure_disk();
  const std::vector<CacheRule> rules = effective_rules(settings_.rules, disk.size);
  for (const CacheRule& rule : rules) {
    const Pruned pruned = co_await prune(rule);
    if (!pruned.ids.empty()) {
      spdlog::info("build cache: removed {} entries, {} bytes, to keep to its limits", pruned.ids.size(), pruned.space);
    }
  }
}

awaitable<void> Cache::collect() {
  if (!settings_.enabled) co_return;
  if (collecting_) {
    again_ = true;
    co_return;
  }
  collecting_ = true;
  do {
    again_ = false;
    try {
      co_await collect_once();
    } catch (const std::exception& error) {
      spdlog::warn("build cache: cannot be held to its limits: {}", error.what());
    }
  } while (again_);
  collecting_ = false;
}

}  // namespace gantry::build
