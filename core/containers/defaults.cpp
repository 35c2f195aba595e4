#include "containers/defaults.hpp"

#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "containers/mount_points.hpp"

namespace gantry::containers {

namespace {

constexpr std::string_view kContainerMode = "container:";
constexpr long kCgroup2Magic = 0x63677270;

std::string_view name_of(std::string_view variable) { return variable.substr(0, variable.find('=')); }

void merge_env(std::vector<std::string>& env, const std::vector<std::string>& image) {
  std::vector<std::string> merged = env;
  for (const std::string& variable : image) {
    const bool given =
        std::any_of(env.begin(), env.end(), [&](const std::string& own) { return name_of(own) == name_of(variable); });
    if (!given) merged.push_back(variable);
  }
  env = std::move(merged);
}

void merge_healthcheck(std::optional<wire::Healthcheck>& own, const std::optional<images::HealthConfig>& image) {
  if (!image) return;
  if (!own) own.emplace();
  if (own->test.empty()) own->test = image->test;
  if (own->interval == 0) own->interval = image->interval;
  if (own->timeout == 0) own->timeout = image->timeout;
  if (own->start_period == 0) own->start_period = image->start_period;
  if (own->start_interval == 0) own->start_interval = image->start_interval;
  if (own->retries == 0) own->retries = image->retries;
}

std::string host_name() {
  std::array<char, 65> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

bool joins_container(const std::string& mode) { return mode.starts_with(kContainerMode); }
std::string joined_container(const std::string& mode) { return mode.substr(kContainerMode.size()); }
std::string join_mode(const std::string& container) { return std::string(kContainerMode) + container; }

bool has_cgroup_v2() {
  struct statfs filesystem {};
  return ::statfs("/sys/fs/cgroup", &filesystem) == 0 && static_cast<long>(filesystem.f_type) == kCgroup2Magic;
}

const std::vector<std::string>& default_masked_paths() {
  static const std::vector<std::string> paths{"/proc/asound",     "/proc/acpi",        "/proc/interrupts",
                                              "/proc/kcore",      "/proc/keys",        "/proc/latency_stats",
                                              "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                              "/proc/scsi",       "/sys/firmware",     "/sys/devices/virtual/powercap"};
  return paths;
}

const std::vector<std::string>& default_readonly_paths() {
  static const std::vector<std::string> paths{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  return paths;
}

void merge_image(wire::ContainerConfig& config, const images::ImageConfig& image) {
  if (config.user.empty()) config.user = image.user;
  config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
  merge_env(config.env, image.env);
  for (const auto& [label, value] : image.labels) config.labels.emplace(label, value);
  // As dockerd: an entrypoint of the user's takes the image's command away as well.
  if (!config.entrypoint || config.entrypoint->empty()) {
    if (!config.cmd || config.cmd->empty()) {
      config.cmd = image.cmd;
      config.args_escaped = config.args_escaped || image.args_escaped;
    }
    if (!config.entrypoint && !image.entrypoint.empty()) config.entrypoint = image.entrypoint;
  }
  if (config.cmd && config.cmd->empty()) config.cmd.reset();
  // [""] takes the image's away and is none.
  if (config.entrypoint && *config.entrypoint == std::vector<std::string>{""}) config.entrypoint.reset();
  merge_healthcheck(config.healthcheck, image.healthcheck);
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  config.volumes.insert(image.volumes.begin(), image.volumes.end());
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (config.shell.empty()) config.shell = image.shell;
}

namespace {

void fill_log(wire::LogConfig& log, const Settings& settings) {
  if (log.type.empty() || log.type == "default") log.type = settings.default_log_driver;
  const bool same = log.type == settings.default_log_driver;
  for (const auto& [name, value] : settings.default_log_options) {
    // As dockerd: the options of another driver are not this one's, those of the cache are everybody's.
    if (same || name.starts_with("cache-")) log.config.emplace(name, value);
  }
}

// What sees the host's processes or memory goes without labels; a label of the user's counts more.
void fill_security(wire::HostConfig& host) {
  if (!host.security_opt.empty() || host.blank.contains("SecurityOpt")) return;
  if (host.privileged || host.ipc_mode == "host" || host.pid_mode == "host") host.security_opt = {"label=disable"};
}

void fill_resources(wire::Resources& resources) {
  if (resources.memory > 0 && resources.memory_swap == 0) resources.memory_swap = resources.memory * 2;
  if (!resources.oom_kill_disable && !has_cgroup_v2()) resources.oom_kill_disable = false;
  if (resources.memory_swappiness == -1) resources.memory_swappiness.reset();
  if (resources.pids_limit && *resources.pids_limit <= 0) resources.pids_limit.reset();
}

}  // namespace

void fill_defaults(const std::string& id, wire::ContainerConfig& config, wire::HostConfig& host,
                   const Settings& settings, const std::string& default_runtime) {
  if (host.network_mode.empty() || host.network_mode == "default") host.network_mode = "bridge";
  if (config.network_disabled) host.network_mode = "none";
  if (config.hostname.empty()) config.hostname = host.network_mode == "host" ? host_name() : id.substr(0, 12);
  if (host.ipc_mode.empty()) host.ipc_mode = "private";
  if (host.cgroupns_mode.empty()) {
    host.cgroupns_mode = settings.default_cgroupns_mode;
    if (host.cgroupns_mode.empty()) host.cgroupns_mode = has_cgroup_v2() && !host.privileged ? "private" : "host";
  }
  if (host.shm_size == 0) host.shm_size = settings.default_shm_size;
  if (host.restart_policy.name.empty()) host.restart_policy.name = "no";
  if (host.runtime.empty()) host.runtime = default_runtime;
  if (host.console_size.empty()) host.console_size = {0, 0};
  if (!host.masked_paths && !host.privileged) host.masked_paths = default_masked_paths();
  if (!host.readonly_paths && !host.privileged) host.readonly_paths = default_readonly_paths();
  if (!host.init && settings.default_init) host.init = true;
  if (!config.working_dir.empty()) config.working_dir = clean_path(config.working_dir);
  fill_security(host);
  fill_log(host.log_config, settings);
  fill_resources(host.resources);
}

}  // namespace gantry::containers
