#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/router.hpp"
#include "system/service.hpp"

namespace gantry::api {

/// What one type of objects takes up on disk, as members of /system/df's answer (`docker system df`).
using DiskUsage = std::function<awaitable<nlohmann::json>()>;

/// The API's System section: /info, /version, /_ping, /events, /system/df, and the sections that there is nothing of
/// (swarm, plugins, BuildKit).
class System {
 public:
  /// The service and the bus must outlive this object, and this object the router.
  System(system::Service& service, events::Bus& bus) : service_(service), bus_(bus) {}

  void add_routes(Router& router);

  /// `type` is "container", "image", "volume" or "build-cache". The answer's members are merged into /system/df's.
  void set_disk_usage(const std::string& type, DiskUsage usage) { disk_usage_[type] = std::move(usage); }

 private:
  awaitable<Response> ping(Exchange& exchange);
  awaitable<Response> info(Exchange& exchange);
  awaitable<Response> no_swarm(Exchange& exchange);
  awaitable<Response> version(Exchange& exchange);
  awaitable<Response> events(Exchange& exchange);
  awaitable<Response> disk_usage(Exchange& exchange);

  system::Service& service_;
  events::Bus& bus_;
  std::map<std::string, DiskUsage> disk_usage_;
};

}  // namespace gantry::api
