#include "daemon/part_settings.hpp"

#include "api/product.hpp"
#include "api/router.hpp"
#include "base/file.hpp"
#include "system/apparmor.hpp"

namespace gantry::daemon {
namespace {

build::CacheLimits cache_limits(const CacheSpace& space, const CacheSpace& otherwise) {
  const auto bytes = [](const std::string& text) { return text.empty() ? 0 : parse_size("builder.gc", text); };
  build::CacheLimits out{bytes(space.reserved), bytes(space.max_used), bytes(space.min_free)};
  if (space == CacheSpace{}) out = {bytes(otherwise.reserved), bytes(otherwise.max_used), bytes(otherwise.min_free)};
  return out;
}

}  // namespace

std::string seccomp_profile(const std::string& chosen) {
  if (chosen == "builtin") return {};
  if (!chosen.starts_with('/')) return chosen;
  try {
    return read_file(chosen);
  } catch (const Error& error) {
    throw Error{Errc::invalid, "seccomp-profile: opening seccomp profile (" + chosen + ") failed: " + error.what()};
  }
}

system::Settings system_settings(const Config& config, const IdMaps& remapped) {
  system::Settings settings;
  settings.data_root = config.data_root;
  settings.version = api::product_version();
  settings.api_version = api::to_string(api::kNewestVersion);
  settings.min_api_version = api::to_string(api::kOldestVersion);
  settings.log_driver = config.log_driver;
  settings.debug = config.debug;
  settings.live_restore = config.live_restore;
  settings.user_namespaces = !remapped.uids.empty();
  settings.labels = config.labels;
  settings.insecure_registries = config.insecure_registries;
  for (const std::string& mirror : config.registry_mirrors) {
    // Those of other registries have no place in what clients are told.
    if (!mirrored_prefix(mirror).empty()) continue;
    settings.registry_mirrors.push_back(mirror.ends_with('/') ? mirror : mirror + "/");
  }
  settings.cdi_spec_dirs = config.cdi_spec_dirs.empty() ? containers::Settings{}.cdi_spec_dirs : config.cdi_spec_dirs;
  for (const AddressPool& pool : config.default_address_pools) {
    settings.address_pools.push_back({pool.base, pool.size});
  }
  return settings;
}

containers::Settings container_settings(const Config& config, const IdMaps& remapped) {
  containers::Settings settings;
  settings.data_root = config.data_root;
  settings.log_notices = config.exec_root + "/log-notices";
  settings.default_shm_size = parse_size("default-shm-size", config.default_shm_size);
  settings.default_log_driver = config.log_driver;
  settings.default_log_options = config.log_opts;
  settings.default_cgroupns_mode = config.default_cgroupns_mode;
  for (const auto& [name, limit] : config.default_ulimits) {
    settings.default_ulimits[name] = {name, limit.hard, limit.soft};
  }
  if (!config.cdi_spec_dirs.empty()) settings.cdi_spec_dirs = config.cdi_spec_dirs;
  settings.dns = config.dns;
  settings.host_gateways = config.host_gateway_ips;
  if (!config.host_gateway_ip.empty()) settings.host_gateways = {config.host_gateway_ip};
  settings.dns_options = config.dns_opts;
  settings.dns_search = config.dns_search;
  settings.default_init = config.init;
  settings.no_new_privileges = config.no_new_privileges;
  settings.apparmor = system::has_apparmor();
  settings.live_restore = config.live_restore;
  settings.seccomp_profile = seccomp_profile(config.seccomp_profile);
  settings.uid_map = remapped.uids;
  settings.gid_map = remapped.gids;
  return settings;
}

build::CacheSettings cache_settings(const Builder& builder) {
  build::CacheSettings settings;
  settings.enabled = builder.collects;
  for (const CachePolicy& policy : builder.policy) {
    settings.rules.push_back({policy.filters, cache_limits(policy.space, builder.space)});
  }
  if (settings.rules.empty() && builder.space != CacheSpace{}) {
    settings.rules = build::default_rules(cache_limits(builder.space, {}));
  }
  return settings;
}

}  // namespace gantry::daemon
