#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The API's structs about the daemon itself and their JSON (definitions SystemInfo, SystemVersion, EventMessage).
namespace gantry::wire {

struct VersionComponent {
  std::string name;
  std::string version;
  std::map<std::string, std::string> details;
};

struct Version {
  std::string platform;
  std::vector<VersionComponent> components;
  std::string version;
  std::string api_version;
  std::string min_api_version;
  std::string git_commit;
  std::string go_version;
  std::string os;
  std::string arch;
  std::string kernel_version;
  std::string build_time;
};

void to_json(nlohmann::ordered_json& json, const Version& version);
void from_json(const nlohmann::json& json, Version& version);

struct RuntimeInfo {
  std::string path;
};

struct AddressPool {
  std::string base;
  int size{};
};

/// A device that containers can have by name (definition DeviceInfo).
struct FoundDevice {
  std::string source;  ///< "cdi".
  std::string id;
};

struct RegistryIndex {
  std::string name;
  std::vector<std::string> mirrors;
  bool secure{};
  bool official{};
};

struct Info {
  std::string id;
  int containers{};
  int containers_running{};
  int containers_paused{};
  int containers_stopped{};
  int images{};
  std::string driver;
  std::vector<std::vector<std::string>> driver_status;  ///< Pairs.
  std::vector<std::string> volume_plugins;
  std::vector<std::string> network_plugins;
  std::vector<std::string> log_plugins;
  bool memory_limit{};
  bool swap_limit{};
  bool cpu_cfs_period{};
  bool cpu_cfs_quota{};
  bool cpu_shares{};
  bool cpu_set{};
  bool pids_limit{};
  bool ipv4_forwarding{};
  bool oom_kill_disable{};
  bool debug{};
  int open_files{};
  int goroutines{};  ///< Threads, in ours.
  std::string system_time;
  std::string logging_driver;
  std::string cgroup_driver;
  std::string cgroup_version;
  int listeners{};
  std::string kernel_version;
  std::string operating_system;
  std::string os_version;
  std::string os_type;
  std::string architecture;
  std::string index_server;
  std::vector<std::string> insecure_cidrs;
  std::map<std::string, RegistryIndex> indexes;
  std::vector<std::string> mirrors;
  int cpus{};
  std::int64_t memory{};
  std::string root_dir;
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  std::string name;
  std::vector<std::string> labels;
  std::string server_version;
  std::map<std::string, RuntimeInfo> runtimes;
  std::string default_runtime;
  bool live_restore{};
  std::string init_binary;
  std::vector<std::string> security_options;
  std::vector<AddressPool> default_address_pools;
  std::vector<std::string> warnings;
  std::vector<std::string> cdi_spec_dirs;
  std::vector<FoundDevice> devices;  ///< API: DiscoveredDevices.
  std::string firewall;              ///< "nftables"; empty: no driver writes rules.
};

void to_json(nlohmann::ordered_json& json, const Info& info);
void from_json(const nlohmann::json& json, Info& info);

/// One event as dockerd writes it, with the members that old clients know for containers and images.
struct EventMessage {
  std::string type;
  std::string action;
  std::string actor;
  std::map<std::string, std::string> attributes;
  std::string scope{"local"};
  std::int64_t time_nano{};
};

void to_json(nlohmann::ordered_json& json, const EventMessage& event);
void from_json(const nlohmann::json& json, EventMessage& event);

/// A loaded or refused driver (our own /gantry/plugins).
struct PluginOption {
  std::string name;
  std::string type;
  std::string scope;
  std::string default_value;
  std::string help;
};

struct Plugin {
  std::string kind;
  std::string name;
  std::string version;
  std::string interface;
  std::string file;
  std::vector<std::string> capabilities;
  std::vector<PluginOption> options;
  std::map<std::string, std::string> settings;
  bool enabled{true};
  bool isolated{};        ///< In a process of its own.
  std::vector<int> pids;  ///< Those processes: several if it stands for several plugins.
  std::string error;
};

void to_json(nlohmann::ordered_json& json, const Plugin& plugin);
void from_json(const nlohmann::json& json, Plugin& plugin);

}  // namespace gantry::wire
