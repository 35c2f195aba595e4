#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// API: HostConfig: what of a container depends on its host.
namespace gantry::wire {

struct LogConfig {
  std::string type;  ///< Empty: the daemon's default.
  std::map<std::string, std::string> config;
};

struct PortBinding {
  std::string host_ip;
  std::string host_port;  ///< "8080", "8080-8090" or empty.
  friend bool operator==(const PortBinding&, const PortBinding&) = default;
};
using PortMap = std::map<std::string, std::vector<PortBinding>>;  ///< By "80/tcp".

struct RestartPolicy {
  std::string name;  ///< "", "no", "always", "unless-stopped", "on-failure".
  int maximum_retry_count{};
};

struct WeightDevice {
  std::string path;
  std::uint16_t weight{};
};

struct ThrottleDevice {
  std::string path;
  std::uint64_t rate{};
};

struct DeviceMapping {
  std::string path_on_host;
  std::string path_in_container;
  std::string cgroup_permissions;
};

struct DeviceRequest {
  std::string driver;
  int count{};
  std::vector<std::string> device_ids;
  std::vector<std::vector<std::string>> capabilities;
  std::map<std::string, std::string> options;
};

struct Ulimit {
  std::string name;
  std::int64_t hard{};
  std::int64_t soft{};
};

/// API: Resources; update takes it alone.
struct Resources {
  std::int64_t cpu_shares{};
  std::int64_t memory{};
  std::int64_t nano_cpus{};
  std::string cgroup_parent;
  std::uint16_t blkio_weight{};
  std::vector<WeightDevice> blkio_weight_device;
  std::vector<ThrottleDevice> blkio_device_read_bps;
  std::vector<ThrottleDevice> blkio_device_write_bps;
  std::vector<ThrottleDevice> blkio_device_read_iops;
  std::vector<ThrottleDevice> blkio_device_write_iops;
  std::int64_t cpu_period{};
  std::int64_t cpu_quota{};
  std::int64_t cpu_realtime_period{};
  std::int64_t cpu_realtime_runtime{};
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::vector<DeviceMapping> devices;
  std::vector<std::string> device_cgroup_rules;
  std::vector<DeviceRequest> device_requests;
  std::int64_t kernel_memory_tcp{};
  std::int64_t memory_reservation{};
  std::int64_t memory_swap{};
  std::optional<std::int64_t> memory_swappiness;
  std::optional<bool> oom_kill_disable;
  std::optional<std::int64_t> pids_limit;
  std::vector<Ulimit> ulimits;
  std::int64_t cpu_count{};
  std::int64_t cpu_percent{};
  std::uint64_t io_maximum_iops{};
  std::uint64_t io_maximum_bandwidth{};
  std::set<std::string> blank;  ///< The names of lists that were given and are empty: shown as [], not as null.
};

struct BindOptions {
  std::string propagation;
  bool non_recursive{};
  bool create_mountpoint{};
  bool read_only_non_recursive{};
  bool read_only_force_recursive{};
  bool id_map{};  ///< Not Docker's: the ids on disk are the container's.
};

struct VolumeDriverConfig {
  std::string name;
  std::map<std::string, std::string> options;
};

struct VolumeOptions {
  bool no_copy{};
  std::map<std::string, std::string> labels;
  std::optional<VolumeDriverConfig> driver_config;
  std::string subpath;
};

struct TmpfsOptions {
  std::int64_t size_bytes{};
  std::uint32_t mode{};
  std::vector<std::vector<std::string>> options;
};

struct ImageMountOptions {
  std::string subpath;
};

/// API: Mount.
struct MountRequest {
  std::string type;  ///< "bind", "volume", "tmpfs", ...
  std::string source;
  std::string target;
  bool read_only{};
  std::string consistency;
  std::optional<BindOptions> bind;
  std::optional<VolumeOptions> volume;
  std::optional<TmpfsOptions> tmpfs;
  std::optional<ImageMountOptions> image;
};

struct HostConfig {
  std::vector<std::string> binds;
  std::string container_id_file;
  LogConfig log_config;
  std::string network_mode;
  PortMap port_bindings;
  RestartPolicy restart_policy;
  bool auto_remove{};
  std::string volume_driver;
  std::vector<std::string> volumes_from;
  std::vector<std::uint32_t> console_size;  ///< Height, width.
  std::map<std::string, std::string> annotations;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::string cgroupns_mode;
  std::vector<std::string> dns;
  std::vector<std::string> dns_options;
  std::vector<std::string> dns_search;
  std::vector<std::string> extra_hosts;
  std::vector<std::string> group_add;
  std::string ipc_mode;
  std::string cgroup;
  std::vector<std::string> links;
  int oom_score_adj{};
  std::string pid_mode;
  bool privileged{};
  bool publish_all_ports{};
  bool readonly_rootfs{};
  std::vector<std::string> security_opt;
  std::map<std::string, std::string> storage_opt;
  std::map<std::string, std::string> tmpfs;
  std::string uts_mode;
  std::string userns_mode;
  std::int64_t shm_size{};
  std::map<std::string, std::string> sysctls;
  std::string runtime;
  std::string isolation;
  Resources resources;
  std::vector<MountRequest> mounts;
  std::optional<std::vector<std::string>> masked_paths;  ///< Nothing: the default ones.
  std::optional<std::vector<std::string>> readonly_paths;
  std::optional<bool> init;
  std::set<std::string> blank;  ///< As in Resources.
};

nlohmann::ordered_json to_json(const HostConfig& config);
nlohmann::ordered_json to_json(const Resources& resources);
nlohmann::ordered_json to_json(const PortMap& ports);

/// Bodies of our own: POST /containers/{id}/ports and /containers/{id}/mounts.
struct PortsEdit {
  PortMap add;
  PortMap remove;  ///< An empty list: all bindings of the port.
};
struct MountsEdit {
  std::vector<MountRequest> add;
  std::vector<std::string> remove;  ///< Targets.
};

/// What is missing keeps its default. Errors: invalid (a member of the wrong type).
void from_json(const nlohmann::json& in, PortsEdit& edit);
void from_json(const nlohmann::json& in, MountsEdit& edit);
void from_json(const nlohmann::json& in, HostConfig& config);
void from_json(const nlohmann::json& in, Resources& resources);
void from_json(const nlohmann::json& in, RestartPolicy& policy);

}  // namespace gantry::wire
