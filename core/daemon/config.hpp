#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// daemon.json and the flags: the same settings under dockerd's names, where dockerd has them.
namespace gantry::daemon {

using Strings = std::vector<std::string>;
using Texts = std::map<std::string, std::string>;

struct Runtime {
  std::string driver;
  Texts options;
  bool operator==(const Runtime&) const = default;
};

struct AddressPool {
  std::string base;
  int size{};
  bool operator==(const AddressPool&) const = default;
};

struct Ulimit {
  std::int64_t soft{};
  std::int64_t hard{};
  bool operator==(const Ulimit&) const = default;
};

/// Sizes of the build cache as they are written; empty: not said.
struct CacheSpace {
  std::string reserved;
  std::string max_used;
  std::string min_free;
  bool operator==(const CacheSpace&) const = default;
};

/// One of the rules that hold the build cache to a limit.
struct CachePolicy {
  CacheSpace space;
  std::map<std::string, Strings> filters;
  bool operator==(const CachePolicy&) const = default;
};

/// "builder": {"gc": {...}}
struct Builder {
  bool collects = true;
  CacheSpace space;
  std::vector<CachePolicy> policy;  ///< Empty: the default ones.
  bool operator==(const Builder&) const = default;
};

/// "isolate-plugins": true, or a list of drivers.
struct IsolatedPlugins {
  bool all = false;
  Strings names;
  bool operator==(const IsolatedPlugins&) const = default;
};

constexpr int kDefaultDownloads = 3;
constexpr int kDefaultUploads = 5;

struct Config {
  std::string data_root = "/var/lib/gantry";
  std::string exec_root = "/run/gantry";
  std::string pidfile = "/run/gantry/gantry.pid";
  Strings plugin_dirs;  ///< Empty: beside the program, and /usr/lib/gantry/plugins.
  IsolatedPlugins isolate_plugins;
  Strings hosts;  ///< Empty: unix:///run/gantry/gantry.sock.
  std::string group = "docker";
  bool tls = false;
  bool tlsverify = false;
  std::string tlscacert = "/etc/gantry/ca.pem";
  std::string tlscert = "/etc/gantry/cert.pem";
  std::string tlskey = "/etc/gantry/key.pem";
  bool api_for_containers = false;

  bool debug = false;
  std::string log_level = "info";
  Strings labels;
  int shutdown_timeout = 15;
  bool live_restore = false;

  std::string storage_driver = "overlay";
  Strings storage_opts;
  std::string registry_driver = "hub";
  std::string default_runtime = "native";
  std::map<std::string, Runtime> runtimes;
  std::map<std::string, Texts> driver_opts;

  std::string bridge;
  std::string bip;
  int mtu = 0;
  std::string bip6;
  std::string fixed_cidr;
  std::string fixed_cidr_v6;
  std::string default_gateway;
  std::string default_gateway_v6;
  bool ipv6 = false;
  std::map<std::string, Texts> default_network_opts;
  std::vector<AddressPool> default_address_pools;
  bool icc = true;
  bool ip_forward = true;
  bool ip_forward_no_drop = false;
  std::string ip;
  bool ip_masq = true;
  bool iptables = true;
  bool ip6tables = true;
  bool allow_direct_routing = false;
  bool userland_proxy = true;
  std::string userland_proxy_path;
  std::string host_gateway_ip;
  Strings host_gateway_ips;
  Strings dns;
  Strings dns_opts;
  Strings dns_search;

  Strings insecure_registries;
  Strings registry_mirrors;  ///< "URL" for Docker Hub, "prefix=URL" for others.
  Texts registry_rewrites;   ///< Prefix of repositories -> where they really are.
  Strings registry_blocks;
  Texts proxies;  ///< "http-proxy", "https-proxy", "no-proxy", for which there are flags, too.
  std::string http_proxy;
  std::string https_proxy;
  std::string no_proxy;
  Strings certs_dirs;
  int max_concurrent_downloads = 0;  ///< 0: kDefaultDownloads.
  int max_concurrent_uploads = 0;    ///< 0: kDefaultUploads.

  Builder builder;

  std::string cgroup_parent;
  std::map<std::string, Ulimit> default_ulimits;
  std::string default_shm_size = "64m";
  std::string default_cgroupns_mode;
  Strings cdi_spec_dirs;
  std::string log_driver = "json-file";
  Texts log_opts;
  bool init = false;
  bool no_new_privileges = false;
  std::string seccomp_profile;
  std::string userns_remap;
  bool experimental = false;

  std::set<std::string> given;      ///< The keys that the command line or the file set.
  Strings foreign;                  ///< Keys of dockerd's in the file that mean nothing here.
  std::set<std::string> from_file;  ///< Those that the file set.
};

/// One setting: its key in the file, its flag ("" for none), where it goes, whether SIGHUP takes it over.
struct Setting {
  using Member = std::variant<bool Config::*, int Config::*, std::string Config::*, Strings Config::*, Texts Config::*,
                              std::map<std::string, Runtime> Config::*, std::map<std::string, Texts> Config::*,
                              std::vector<AddressPool> Config::*, std::map<std::string, Ulimit> Config::*,
                              Builder Config::*, IsolatedPlugins Config::*>;
  const char* key;
  const char* flag;  ///< "-D,--debug".
  Member member;
  const char* help;
  bool reloads = false;
};

const std::vector<Setting>& settings();

/// Adds what the file says to what the command line said. A file that does not exist changes nothing unless `required`.
/// Errors: invalid, naming the file, the key and what would be right; also if flag and file say the same key.
void read_config_file(const std::string& file, bool required, Config& config);

/// Checks the values. Errors: invalid, in dockerd's words where it has some, naming the key and what would be right.
void check(const Config& config);

/// What the command line and the file say together, checked. The file counts as in read_config_file.
/// Errors: invalid; what comes of the file names it.
Config load_config(const Config& command_line, const std::string& file, bool required);

/// A value as messages show it.
std::string show(const Config& config, const Setting& setting);

/// "64m", "1g", "1024". Errors: invalid, naming `key`.
std::int64_t parse_size(const std::string& key, const std::string& text);

/// "base=10.0.0.0/8,size=24" as `--default-address-pool` takes it. Errors: invalid.
AddressPool parse_address_pool(const std::string& text);

/// Errors: invalid (the soft limit is above the hard one).
void check_ulimit(const Ulimit& limit);

/// "nofile=1024:2048" as `--default-ulimit` takes it. Errors: invalid.
std::pair<std::string, Ulimit> parse_ulimit(const std::string& text);

/// What the mirror `item` is for: "quay.io" of "quay.io=https://mirror.example.com"; empty: Docker Hub.
std::string mirrored_prefix(const std::string& item);

}  // namespace gantry::daemon
