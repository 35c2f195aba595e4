#include "system/service.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.hpp"
#include "base/id.hpp"
#include "base/time.hpp"

namespace gantry::system {

namespace {

// A UUID of version 4, as dockerd's engine-id.
std::string new_engine_id() {
  std::string hex = random_id().substr(0, 32);
  hex[12] = '4';
  hex[16] = "89ab"[static_cast<std::size_t>(hex[16]) % 4];
  for (const std::size_t at : {20U, 16U, 12U, 8U}) hex.insert(at, "-");
  return hex;
}

std::string engine_id(const std::filesystem::path& file) {
  try {
    std::string id = read_file(file, 256);
    while (!id.empty() && id.back() == '\n') id.pop_back();
    if (!id.empty()) return id;
  } catch (const Error&) {
    // The first start makes it.
  }
  const std::string id = new_engine_id();
  write_file_atomically(file, id);
  return id;
}

std::string environment(const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return value;
  }
  return {};
}

// A proxy's URL without what it says of the user, in dockerd's way.
std::string without_credentials(std::string url) {
  const auto scheme = url.find("://");
  const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  const auto end = url.rfind('@', url.find('/', begin));
  if (end != std::string::npos && end >= begin) url.replace(begin, end - begin, "xxxxx:xxxxx");
  return url;
}

const char* type_name(OptionType type) {
  switch (type) {
    case OptionType::text:
      return "text";
    case OptionType::boolean:
      return "boolean";
    case OptionType::integer:
      return "integer";
    case OptionType::size:
      return "size";
    case OptionType::duration:
      return "duration";
    case OptionType::path:
      return "path";
    case OptionType::list:
      return "list";
  }
  return "text";
}

wire::Plugin describe(const plugins::DriverInfo& driver) {
  wire::Plugin plugin;
  plugin.kind = driver.kind;
  plugin.name = driver.name;
  plugin.version = driver.version;
  plugin.interface = driver.interface;
  plugin.file = driver.file;
  plugin.capabilities = driver.capabilities;
  for (const OptionInfo& option : driver.options) {
    plugin.options.push_back({option.name, type_name(option.type),
                              option.scope == OptionScope::object ? "object" : "driver", option.default_value,
                              option.help});
  }
  plugin.settings = driver.settings;
  plugin.enabled = !driver.disabled;
  plugin.isolated = driver.isolated;
  plugin.pids = driver.processes;
  plugin.error = driver.error;
  return plugin;
}

}  // namespace

Service::Service(Settings settings, events::Bus& bus, plugins::Drivers& drivers)
    : settings_(std::move(settings)),
      bus_(bus),
      drivers_(drivers),
      host_(read_host()),
      id_(engine_id(std::filesystem::path{settings_.data_root} / "engine-id")) {}

awaitable<wire::Info> Service::info() const {
  wire::Info info;
  info.id = id_;
  if (counts_) {
    const Counts counts = counts_();
    info.containers = counts.running + counts.paused + counts.stopped;
    info.containers_running = counts.running;
    info.containers_paused = counts.paused;
    info.containers_stopped = counts.stopped;
    info.images = counts.images;
  }
  info.driver = drivers_.storage().name();
  for (const auto& [name, value] : drivers_.storage().info().settings) info.driver_status.push_back({name, value});
  info.volume_plugins = drivers_.names("volume");
  // One that stands for plugins of Docker's is none by itself.
  std::erase_if(info.volume_plugins,
                [&](const std::string& name) { return drivers_.volume(name).can("named-plugins"); });
  info.network_plugins = drivers_.names("network");
  std::erase_if(info.network_plugins,
                [&](const std::string& name) { return drivers_.network(name).can("named-plugins"); });
  const auto writes_rules = [&](const std::string& name) { return drivers_.network(name).can("nftables"); };
  if (std::ranges::any_of(info.network_plugins, writes_rules)) info.firewall = "nftables";
  if (std::ranges::count(info.network_plugins, "null") == 0) info.network_plugins.emplace_back("null");
  // As dockerd, which counts only those that log.
  for (const std::string& name : drivers_.names("log")) {
    if (name != "none") info.log_plugins.push_back(name);
  }
  for (const std::string& runtime : drivers_.runtime_names()) {
    const Options& settings = drivers_.runtime(runtime).info().settings;
    const auto path = settings.find("path");
    info.runtimes[runtime] = {path == settings.end() ? runtime : path->second};
  }
  info.default_runtime = drivers_.default_runtime();
  info.listeners = static_cast<int>(bus_.listeners());
  info.debug = settings_.debug;
  info.live_restore = settings_.live_restore;
  info.labels = settings_.labels;
  info.logging_driver = settings_.log_driver;
  info.root_dir = settings_.data_root;
  info.server_version = settings_.version;
  info.default_address_pools = settings_.address_pools;
  info.init_binary = "gantry-shim";
  info.cdi_spec_dirs = settings_.cdi_spec_dirs;
  if (devices_) info.devices = co_await devices_();
  add_registries(info);
  add_host(info);
  co_return info;
}

void Service::add_registries(wire::Info& info) const {
  info.index_server = "https://index.docker.io/v1/";
  info.insecure_cidrs = {"::1/128", "127.0.0.0/8"};
  info.mirrors = settings_.registry_mirrors;
  info.indexes["docker.io"] = {"docker.io", settings_.registry_mirrors, true, true};
  for (const std::string& registry : settings_.insecure_registries) {
    if (registry.find('/') != std::string::npos) {
      info.insecure_cidrs.push_back(registry);
    } else {
      info.indexes[registry] = {registry, {}, false, false};
    }
  }
}

void Service::add_host(wire::Info& info) const {
  info.memory_limit = host_.memory_limit;
  info.swap_limit = host_.swap_limit;
  info.cpu_cfs_period = info.cpu_cfs_quota = info.cpu_shares = host_.cpu_limit;
  info.cpu_set = host_.cpuset;
  info.pids_limit = host_.pids_limit;
  info.oom_kill_disable = host_.cgroup_version == 1 && host_.memory_limit;
  info.ipv4_forwarding = forwards_ipv4();
  info.open_files = open_files();
  info.goroutines = threads();
  info.system_time = format_rfc3339(now());
  info.cgroup_driver = "cgroupfs";
  info.cgroup_version = std::to_string(host_.cgroup_version);
  info.kernel_version = host_.kernel;
  info.operating_system = host_.operating_system;
  info.os_version = host_.os_version;
  info.os_type = "linux";
  info.architecture = host_.architecture;
  info.cpus = host_.cpus;
  info.memory = host_.memory;
  info.name = host_.name;
  info.http_proxy = without_credentials(environment("HTTP_PROXY", "http_proxy"));
  info.https_proxy = without_credentials(environment("HTTPS_PROXY", "https_proxy"));
  info.no_proxy = environment("NO_PROXY", "no_proxy");
  if (host_.apparmor) info.security_options.emplace_back("name=apparmor");
  if (host_.seccomp) info.security_options.emplace_back("name=seccomp,profile=builtin");
  if (settings_.user_namespaces) info.security_options.emplace_back("name=userns");
  if (host_.cgroup_version == 2) info.security_options.emplace_back("name=cgroupns");
  if (!host_.memory_limit) info.warnings.emplace_back("WARNING: No memory limit support");
  if (!host_.swap_limit) info.warnings.emplace_back("WARNING: No swap limit support");
  if (!host_.cpu_limit) info.warnings.emplace_back("WARNING: No cpu cfs quota support");
  if (!host_.cpuset) info.warnings.emplace_back("WARNING: No cpuset support");
  if (!host_.pids_limit) info.warnings.emplace_back("WARNING: No pids limit support");
  if (!info.ipv4_forwarding) info.warnings.emplace_back("WARNING: IPv4 forwarding is disabled");
}

wire::Version Service::version() const {
  wire::Version version;
  version.version = settings_.version;
  version.api_version = settings_.api_version;
  version.min_api_version = settings_.min_api_version;
  version.os = "linux";
  version.arch = host_.go_architecture;
  version.kernel_version = host_.kernel;
  version.platform = "gantry";
  wire::VersionComponent engine{"Engine", settings_.version, {}};
  engine.details = {{"ApiVersion", version.api_version},
                    {"MinAPIVersion", version.min_api_version},
                    {"Arch", version.arch},
                    {"Os", "linux"},
                    {"KernelVersion", host_.kernel},
                    {"Experimental", "false"},
                    {"BuildTime", ""},
                    {"GitCommit", ""},
                    {"GoVersion", ""}};
  version.components.push_back(std::move(engine));
  for (const plugins::DriverInfo& driver : drivers_.list()) {
    if (!driver.error.empty()) continue;
    version.components.push_back({driver.kind + "/" + driver.name, driver.version, {{"Interface", driver.interface}}});
  }
  return version;
}

std::vector<wire::Plugin> Service::plugins() const {
  std::vector<wire::Plugin> out;
  for (const plugins::DriverInfo& driver : drivers_.list()) out.push_back(describe(driver));
  return out;
}

wire::Plugin Service::plugin(const std::string& name) const {
  for (const plugins::DriverInfo& driver : drivers_.list()) {
    if (driver.name == name || driver.kind + "/" + driver.name == name) return describe(driver);
  }
  throw Error{Errc::not_found, "plugin \"" + name + "\" not found"};
}

}  // namespace gantry::system
