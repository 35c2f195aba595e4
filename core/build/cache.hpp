#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "build/cache_policy.hpp"
#include "images/service.hpp"
#include "plugins/drivers.hpp"

namespace gantry::build {

struct Pruned {
  std::vector<std::string> ids;
  std::int64_t space{};
};

/// Bytes.
struct Disk {
  std::int64_t size{};
  std::int64_t free{};
};

/// What builds leave behind for those to come: the images of their steps, and what the builder drivers keep. Io thread
/// only.
class Cache {
 public:
  /// `folder` is on the disk that the limits are about.
  Cache(plugins::Drivers& drivers, images::Service& images, Workers& workers, std::string folder)
      : drivers_(drivers), images_(images), workers_(workers), folder_(std::move(folder)) {}

  awaitable<std::vector<CacheEntry>> entries();

  /// Removes what a rule is about, least recently used first, down to its limits. Never what a build under way, a
  /// container or an image needs. Errors: invalid, for filters that are none.
  awaitable<Pruned> prune(CacheRule rule);

  /// Without rules: the default ones, for the disk as it is.
  void set(CacheSettings settings) { settings_ = std::move(settings); }

  /// Holds the cache to the settings' limits. One at a time: a call while another is at it makes that one go round
  /// again.
  awaitable<void> collect();

 private:
  awaitable<std::vector<CacheEntry>> driver_entries(std::string driver);
  /// Nothing if something has come to need it.
  awaitable<std::optional<std::uint64_t>> remove(CacheEntry entry);
  awaitable<void> collect_once();
  awaitable<Disk> measure_disk();

  plugins::Drivers& drivers_;
  images::Service& images_;
  Workers& workers_;
  const std::string folder_;
  CacheSettings settings_;
  bool collecting_{};
  bool again_{};
};

}  // namespace gantry::build
