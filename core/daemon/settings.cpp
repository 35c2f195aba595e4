#include <charconv>

#include "daemon/config.hpp"
#include "gantry/error.hpp"

namespace gantry::daemon {

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& text, const std::string& right) {
  throw Error{Errc::invalid, "invalid " + key + " \"" + text + "\": " + right + " is needed"};
}

constexpr bool kReloads = true;

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      {"data-root", "--data-root", &Config::data_root, "Directory of what persists"},
      {"exec-root", "--exec-root", &Config::exec_root, "Directory of sockets and of what ends with the host"},
      {"pidfile", "-p,--pidfile", &Config::pidfile, "File of the daemon's process id"},
      {"plugin-dirs", "--plugin-dir", &Config::plugin_dirs,
       "Directory of drivers, in place of the daemon's own; may be repeated"},
      {"isolate-plugins", "--isolate-plugins", &Config::isolate_plugins,
       "Run drivers in processes of their own: all without a value, one with =KIND/NAME; may be repeated"},
      {"hosts", "-H,--host", &Config::hosts, "Where to listen: unix://, tcp://, fd://; may be repeated"},
      {"group", "-G,--group", &Config::group, "Group of the unix socket"},
      {"tls", "--tls", &Config::tls, "Use TLS; implied by --tlsverify; false allows plain tcp"},
      {"tlsverify", "--tlsverify", &Config::tlsverify, "Use TLS and demand a client's certificate"},
      {"tlscacert", "--tlscacert", &Config::tlscacert, "Trust certificates of this CA only"},
      {"tlscert", "--tlscert", &Config::tlscert, "The daemon's certificate"},
      {"tlskey", "--tlskey", &Config::tlskey, "The daemon's key"},
      {"api-for-containers", "--api-for-containers", &Config::api_for_containers,
       "Serve the API on tcp to containers, too: who has it has the host"},
      {"debug", "-D,--debug", &Config::debug, "Log what helps to find defects", kReloads},
      {"log-level", "-l,--log-level", &Config::log_level, "debug, info, warn, error or fatal", kReloads},
      {"labels", "--label", &Config::labels, "Label of this daemon: key=value; may be repeated", kReloads},
      {"shutdown-timeout", "--shutdown-timeout", &Config::shutdown_timeout, "Seconds for containers to stop", kReloads},
      {"live-restore", "--live-restore", &Config::live_restore, "Containers run on when the daemon ends", kReloads},
      {"storage-driver", "-s,--storage-driver", &Config::storage_driver, "Storage driver"},
      {"storage-opts", "--storage-opt", &Config::storage_opts, "Option of the storage driver; may be repeated"},
      {"registry-driver", "--registry-driver", &Config::registry_driver, "Registry driver"},
      {"default-runtime", "--default-runtime", &Config::default_runtime, "Runtime of containers that name none",
       kReloads},
      {"runtimes", "--add-runtime", &Config::runtimes,
       "One more runtime: name=path of an OCI runtime, or name=driver; may be repeated", kReloads},
      {"driver-opts", "", &Config::driver_opts, "Options by driver"},
      {"bridge", "-b,--bridge", &Config::bridge, "Bridge of the default network; none: there is no default network"},
      {"bip", "--bip", &Config::bip, "Address and subnet of the default bridge"},
      {"bip6", "--bip6", &Config::bip6, "IPv6 address and subnet of the default bridge"},
      {"mtu", "--mtu", &Config::mtu, "MTU of the default bridge"},
      {"ipv6", "--ipv6", &Config::ipv6, "Give the default bridge's containers IPv6 addresses"},
      {"fixed-cidr", "--fixed-cidr", &Config::fixed_cidr, "Subnet of the default bridge's containers"},
      {"fixed-cidr-v6", "--fixed-cidr-v6", &Config::fixed_cidr_v6, "IPv6 subnet of the default bridge's containers"},
      {"default-gateway", "--default-gateway", &Config::default_gateway, "Gateway of the default bridge's containers"},
      {"default-gateway-v6", "--default-gateway-v6", &Config::default_gateway_v6,
       "IPv6 gateway of the default bridge's containers"},
      {"default-network-opts", "", &Config::default_network_opts, "Options of new networks, by driver"},
      {"default-address-pools", "--default-address-pool", &Config::default_address_pools,
       "Where new networks' subnets come from: base=CIDR,size=N; may be repeated"},
      {"icc", "--icc", &Config::icc, "Containers of the default bridge may talk to each other"},
      {"ip-forward", "--ip-forward", &Config::ip_forward, "Switch the host's IP forwarding on"},
      {"ip-forward-no-drop", "--ip-forward-no-drop", &Config::ip_forward_no_drop,
       "Let the host forward what does not concern containers, too"},
      {"ip", "--ip", &Config::ip, "Host address that the default bridge publishes ports on"},
      {"ip-masq", "--ip-masq", &Config::ip_masq, "Hide the default bridge's containers behind the host's addresses"},
      {"iptables", "--iptables", &Config::iptables, "Make nftables rules: without them published ports lead nowhere"},
      {"ip6tables", "--ip6tables", &Config::ip6tables, "Make nftables rules for IPv6"},
      {"allow-direct-routing", "--allow-direct-routing", &Config::allow_direct_routing,
       "Published ports may be reached at containers' own addresses, too"},
      {"userland-proxy", "--userland-proxy", &Config::userland_proxy, "Accepted for dockerd's sake: there is none"},
      {"userland-proxy-path", "--userland-proxy-path", &Config::userland_proxy_path, "Accepted for dockerd's sake"},
      {"host-gateway-ip", "", &Config::host_gateway_ip, "What host-gateway stands for: the default bridge's address"},
      {"host-gateway-ips", "--host-gateway-ip", &Config::host_gateway_ips,
       "What host-gateway stands for, one address of each family; may be repeated"},
      {"dns", "--dns", &Config::dns, "Name server of containers; may be repeated"},
      {"dns-opts", "--dns-opt", &Config::dns_opts, "Resolver option of containers; may be repeated"},
      {"dns-search", "--dns-search", &Config::dns_search, "Search domain of containers; may be repeated"},
      {"insecure-registries", "--insecure-registry", &Config::insecure_registries,
       "Registry without TLS or with a certificate that nobody vouches for; may be repeated", kReloads},
      {"registry-mirrors", "--registry-mirror", &Config::registry_mirrors,
       "Mirror of Docker Hub, or of what begins so: quay.io=https://mirror.example.com; may be repeated", kReloads},
      {"registry-rewrites", "", &Config::registry_rewrites,
       "Where repositories really are: prefix to prefix, the longest counts", kReloads},
      {"registry-blocks", "--registry-block", &Config::registry_blocks,
       "Prefix of repositories that may not be reached; may be repeated", kReloads},
      {"proxies", "", &Config::proxies, "http-proxy, https-proxy and no-proxy in one object"},
      {"http-proxy", "--http-proxy", &Config::http_proxy, "Proxy for http URLs"},
      {"https-proxy", "--https-proxy", &Config::https_proxy, "Proxy for https URLs"},
      {"no-proxy", "--no-proxy", &Config::no_proxy, "Hosts, domains and CIDRs that need no proxy, separated by commas"},
      {"certs-dirs", "--certs-dir", &Config::certs_dirs, "Directory of registries' CAs; may be repeated", kReloads},
      {"max-concurrent-downloads", "--max-concurrent-downloads", &Config::max_concurrent_downloads,
       "Layers that are pulled at a time", kReloads},
      {"max-concurrent-uploads", "--max-concurrent-uploads", &Config::max_concurrent_uploads,
       "Layers that are pushed at a time", kReloads},
      {"builder", "", &Config::builder, "What builds leave in their cache: {\"gc\": {...}}", kReloads},
      {"cgroup-parent", "--cgroup-parent", &Config::cgroup_parent, "Cgroup that containers are made in"},
      {"default-ulimits", "--default-ulimit", &Config::default_ulimits, "Limit of containers: nofile=1024:2048"},
      {"default-shm-size", "--default-shm-size", &Config::default_shm_size, "Size of containers' /dev/shm"},
      {"default-cgroupns-mode", "--default-cgroupns-mode", &Config::default_cgroupns_mode, "host or private"},
      {"cdi-spec-dirs", "--cdi-spec-dir", &Config::cdi_spec_dirs,
       "Directory of CDI files, which describe devices; may be repeated"},
      {"log-driver", "--log-driver", &Config::log_driver, "Log driver of containers that name none"},
      {"log-opts", "--log-opt", &Config::log_opts, "Option of the log driver: key=value; may be repeated"},
      {"init", "--init", &Config::init, "Run an init in containers"},
      {"no-new-privileges", "--no-new-privileges", &Config::no_new_privileges, "Set no_new_privs in containers"},
      {"seccomp-profile", "--seccomp-profile", &Config::seccomp_profile, "File of the seccomp profile; or unconfined"},
      {"userns-remap", "--userns-remap", &Config::userns_remap,
       "User whose subordinate ids containers run with: default, user[:group], uid[:gid]"},
      {"experimental", "--experimental", &Config::experimental, "Accepted for dockerd's sake"},
  };
  return all;
}

std::int64_t parse_size(const std::string& key, const std::string& text) {
  std::string_view digits = text;
  if (digits.ends_with('b') || digits.ends_with('B')) digits.remove_suffix(1);
  int shift = 0;
  if (!digits.empty()) {
    const std::string_view suffixes = "kmgt";
    const char last = static_cast<char>(digits.back() | 0x20);
    if (const auto at = suffixes.find(last); at != std::string_view::npos) {
      shift = 10 * (static_cast<int>(at) + 1);
      digits.remove_suffix(1);
    }
  }
  std::int64_t number = 0;
  if (!parse_number(digits, number) || number < 0 || number > (INT64_MAX >> shift)) {
    throw Error{Errc::invalid, "invalid size: '" + text + "': " + key + " needs a size as 64m or 1g"};
  }
  return number << shift;
}

AddressPool parse_address_pool(const std::string& text) {
  AddressPool pool;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (item.starts_with("base=")) {
      pool.base = item.substr(5);
    } else if (!item.starts_with("size=") || !parse_number(item.substr(5), pool.size)) {
      refuse("default-address-pool", text, "base=CIDR,size=N");
    }
  }
  if (pool.base.empty() || pool.size <= 0) refuse("default-address-pool", text, "base=CIDR,size=N");
  return pool;
}

void check_ulimit(const Ulimit& limit) {
  if (limit.hard == -1 || (limit.soft != -1 && limit.soft <= limit.hard)) return;
  throw Error{Errc::invalid,
              "ulimit soft limit must be less than or equal to hard limit: " + std::to_string(limit.soft) + " > " +
                  std::to_string(limit.hard) + ": default-ulimits needs a soft limit up to the hard one"};
}

std::pair<std::string, Ulimit> parse_ulimit(const std::string& text) {
  const auto equals = text.find('=');
  Ulimit limit;
  if (equals == std::string::npos || equals == 0) refuse("default-ulimit", text, "name=soft:hard");
  const std::string_view values = std::string_view{text}.substr(equals + 1);
  const auto colon = values.find(':');
  if (!parse_number(values.substr(0, colon), limit.soft)) refuse("default-ulimit", text, "name=soft:hard");
  limit.hard = limit.soft;
  if (colon != std::string_view::npos && !parse_number(values.substr(colon + 1), limit.hard)) {
    refuse("default-ulimit", text, "name=soft:hard");
  }
  check_ulimit(limit);
  return {text.substr(0, equals), limit};
}

}  // namespace gantry::daemon
