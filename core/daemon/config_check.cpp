#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "build/cache_policy.hpp"
#include "containers/logging.hpp"
#include "daemon/config.hpp"
#include "daemon/userns_remap.hpp"
#include "gantry/error.hpp"

namespace gantry::daemon {

namespace {

/// `complaint` is dockerd's where it has one: what it leaves out follows, the key and what would be right.
[[noreturn]] void refuse_value(const std::string& complaint, const std::string& key, const std::string& right) {
  throw Error{Errc::invalid, complaint + ": " + key + " needs " + right};
}

bool is_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_cidr(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || !is_address(text.substr(0, slash))) return false;
  int prefix = -1;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, prefix);
  return error == std::errc{} && rest == end && prefix >= 0 &&
         prefix <= (text.find(':') == std::string::npos ? 32 : 128);
}

bool is_ipv6(const std::string& text) { return text.find(':') != std::string::npos; }

/// Whether an IPv4 subnet has another one inside.
bool contains(const std::string& outer, const std::string& inner) {
  const auto base = [](const std::string& cidr) {
    in_addr address{};
    ::inet_pton(AF_INET, cidr.substr(0, cidr.find('/')).c_str(), &address);
    return ntohl(address.s_addr);
  };
  const auto prefix = [](const std::string& cidr) { return std::stoi(cidr.substr(cidr.find('/') + 1)); };
  if (prefix(inner) < prefix(outer)) return false;
  return prefix(outer) == 0 || (base(outer) ^ base(inner)) >> (32 - prefix(outer)) == 0;
}

/// What is joined with commas for a driver, or split at blanks, must hold none.
bool is_word(const std::string& text) {
  return !text.empty() && text.find_first_of(std::string_view{" \t\r\n,\0", 6}) == std::string::npos;
}

/// dockerd's opts.ValidateDNSSearch: labels of letters, digits, "-" and "_" that begin and end with no "-"; "." alone.
bool is_domain(const std::string& text) {
  if (text == ".") return true;
  if (text.empty() || text.size() > 255) return false;
  std::string_view rest = text;
  if (rest.ends_with('.')) rest.remove_suffix(1);
  while (!rest.empty()) {
    const std::string_view label = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(label.size() + 1, rest.size()));
    const bool letters = std::ranges::all_of(label, [](unsigned char c) {
      return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
    });
    if (label.empty() || !letters || label.front() == '-' || label.back() == '-') return false;
  }
  return true;
}

void check_paths(const Config& config) {
  for (const auto& [key, path] : {std::pair{"data-root", &config.data_root}, {"exec-root", &config.exec_root}}) {
    if (!path->starts_with('/')) refuse_value("invalid path \"" + *path + "\"", key, "an absolute path");
  }
  for (const auto& [key, paths] : {std::pair{"plugin-dirs", &config.plugin_dirs}, {"certs-dirs", &config.certs_dirs}}) {
    for (const std::string& path : *paths) {
      if (!path.empty()) continue;
      refuse_value("invalid path \"\"", key, "paths of directories");
    }
  }
  const std::string& profile = config.seccomp_profile;
  if (!profile.empty() && profile != "builtin" && profile != "unconfined" && !profile.starts_with('/')) {
    refuse_value("invalid seccomp profile \"" + profile + "\"", "seccomp-profile",
                 "the absolute path of a file, \"builtin\" or \"unconfined\"");
  }
}

void check_hosts(const Strings& hosts) {
  for (const std::string& host : hosts) {
    const auto end = host.find("://");
    const std::string proto = end == std::string::npos ? "" : host.substr(0, end);
    if (proto == "unix" || proto == "tcp" || proto == "fd") continue;
    refuse_value("invalid bind address (" + host + "): unsupported proto '" + proto + "'", "hosts",
                 "unix:///path, tcp://host:port or fd://");
  }
}

void check_labels(const Strings& labels) {
  std::map<std::string, std::string> values;
  for (const std::string& label : labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0) {
      refuse_value("bad attribute format: " + label, "labels", "key=value");
    }
    const auto [known, fresh] = values.emplace(label.substr(0, equals), label);
    if (!fresh && known->second != label) {
      refuse_value("conflict labels for " + label + " and " + known->second, "labels", "one value for a key");
    }
  }
}

void check_log(const Config& config) {
  static const std::set<std::string> levels = {"trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"};
  if (!levels.contains(config.log_level)) {
    refuse_value("invalid logging level: " + config.log_level, "log-level",
                 "one of debug, info, warn, error and fatal");
  }
  if (config.log_driver == "none") return;
  try {
    (void)containers::split_log_options({config.log_driver, {config.log_opts.begin(), config.log_opts.end()}});
  } catch (const Error& error) {
    throw Error{Errc::invalid, std::string("log-opts: ") + error.what()};
  }
}

void check_numbers(const Config& config) {
  if (config.max_concurrent_downloads < 0) {
    refuse_value("invalid max concurrent downloads: " + std::to_string(config.max_concurrent_downloads),
                 "max-concurrent-downloads", "a number, 0 for the default");
  }
  if (config.max_concurrent_uploads < 0) {
    refuse_value("invalid max concurrent uploads: " + std::to_string(config.max_concurrent_uploads),
                 "max-concurrent-uploads", "a number, 0 for the default");
  }
  if (config.mtu < 0) {
    refuse_value("invalid default MTU: " + std::to_string(config.mtu), "mtu", "a number of bytes, 0 for the default");
  }
}

void check_cache_space(const std::string& key, const CacheSpace& space) {
  for (const std::string* text : {&space.reserved, &space.max_used, &space.min_free}) {
    if (!text->empty()) (void)parse_size(key, *text);
  }
}

void check_builder(const Config& config) {
  check_cache_space("builder.gc", config.builder.space);
  for (const CachePolicy& policy : config.builder.policy) {
    check_cache_space("builder.gc.policy", policy.space);
    try {
      (void)build::CacheSelection{policy.filters};
    } catch (const Error& error) {
      throw Error{Errc::invalid, std::string{"builder.gc.policy: "} + error.what()};
    }
  }
}

void check_network(const Config& config) {
  if (!config.bridge.empty() && !config.bip.empty()) {
    throw Error{Errc::invalid, "You specified -b & --bip, mutually exclusive options. Please specify only one"};
  }
  if (config.bridge.size() > 15 || config.bridge.find_first_of("/ \t\r\n") != std::string::npos) {
    refuse_value("invalid bridge \"" + config.bridge + "\"", "bridge", "an interface's name, or none");
  }
  const std::string address = "an address as 192.0.2.1";
  for (const auto& [key, text] : {std::pair{"ip", &config.ip}, {"default-gateway", &config.default_gateway}}) {
    if (!text->empty() && !is_address(*text)) refuse_value("invalid IP address: " + *text, key, address);
  }
  for (const auto& [key, text] : {std::pair{"bip", &config.bip}, {"fixed-cidr", &config.fixed_cidr}}) {
    if (!text->empty() && (!is_cidr(*text) || is_ipv6(*text))) {
      refuse_value("invalid CIDR address: " + *text, key, "an address with its prefix, as 10.200.0.1/24");
    }
  }
  if (!config.bip.empty() && !config.fixed_cidr.empty() && !contains(config.bip, config.fixed_cidr)) {
    refuse_value("invalid fixed-cidr " + config.fixed_cidr + ": parent subnet " + config.bip + " doesn't contain it",
                 "fixed-cidr", "a part of bip's subnet");
  }
  for (const auto& [key, text] : {std::pair{"bip6", &config.bip6}, {"fixed-cidr-v6", &config.fixed_cidr_v6}}) {
    if (!text->empty() && (!is_cidr(*text) || !is_ipv6(*text))) {
      refuse_value("invalid CIDR address: " + *text, key, "an IPv6 address with its prefix, as fd00:9::1/64");
    }
  }
  const std::string& gateway6 = config.default_gateway_v6;
  if (!gateway6.empty() && (!is_address(gateway6) || !is_ipv6(gateway6))) {
    refuse_value("invalid IP address: " + gateway6, "default-gateway-v6", "an address as fd00:9::1");
  }
  Strings host_gateways = config.host_gateway_ips;
  if (!config.host_gateway_ip.empty()) host_gateways.push_back(config.host_gateway_ip);
  for (const std::string& text : host_gateways) {
    if (!is_address(text)) refuse_value("invalid IP address: " + text, "host-gateway-ips", address);
  }
  for (const AddressPool& pool : config.default_address_pools) {
    if (!is_cidr(pool.base)) {
      refuse_value("invalid base pool \"" + pool.base + "\"", "default-address-pools", "a base as 10.10.0.0/16");
    }
  }
  for (const std::string& server : config.dns) {
    if (!is_address(server)) refuse_value("invalid IP address: " + server, "dns", address);
  }
  for (const std::string& domain : config.dns_search) {
    if (!is_domain(domain)) refuse_value(domain + " is not a valid domain", "dns-search", "domains as example.com");
  }
}

void check_ulimits(const Config& config) {
  static const std::set<std::string> types{"core",    "cpu",      "data",   "fsize",      "locks",
                                           "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                           "rss",     "rtprio",   "rttime", "sigpending", "stack"};
  for (const auto& [name, limit] : config.default_ulimits) {
    if (!types.contains(name)) {
      refuse_value("invalid ulimit type: " + name, "default-ulimits", "names as nofile, nproc, memlock and core");
    }
    check_ulimit(limit);
  }
}

/// A URL, or "prefix=URL".
void check_mirror(const std::string& item) {
  const char* right = "URLs as https://mirror.example.com, or quay.io=https://mirror.example.com";
  const std::string prefix = mirrored_prefix(item);
  const std::string mirror = prefix.empty() ? item : item.substr(prefix.size() + 1);
  const auto scheme = mirror.substr(0, mirror.find("://") == std::string::npos ? 0 : mirror.find("://"));
  if (scheme != "http" && scheme != "https") {
    refuse_value("invalid mirror: unsupported scheme \"" + scheme + "\" in \"" + mirror + "\"", "registry-mirrors",
                 right);
  }
  if (mirror.find_first_of("?#") != std::string::npos) {
    refuse_value("invalid mirror: query or fragment at end of the URI \"" + mirror + "\"", "registry-mirrors", right);
  }
  if (mirror.find('@') != std::string::npos) {
    refuse_value("invalid mirror: username/password not allowed in URI \"" + mirror + "\"", "registry-mirrors", right);
  }
  if (!is_word(mirror) || mirror.size() == scheme.size() + 3) {
    refuse_value("invalid mirror: \"" + mirror + "\" is not a valid URI", "registry-mirrors", right);
  }
}

void check_registries(const Config& config) {
  for (const std::string& registry : config.insecure_registries) {
    const auto slash = registry.find('/');
    const bool range = slash != std::string::npos;
    if (is_word(registry) && registry.front() != '-' && (!range || is_cidr(registry))) continue;
    refuse_value("insecure registry \"" + registry + "\" is not valid", "insecure-registries",
                 "host, host:port or a range as 10.0.0.0/8, without a scheme");
  }
  for (const std::string& mirror : config.registry_mirrors) check_mirror(mirror);
}

}  // namespace

std::string mirrored_prefix(const std::string& item) {
  const auto equals = item.substr(0, item.find("://")).find('=');
  return equals == std::string::npos ? std::string{} : item.substr(0, equals);
}

void check(const Config& config) {
  check_paths(config);
  check_hosts(config.hosts);
  check_labels(config.labels);
  check_log(config);
  check_numbers(config);
  check_builder(config);
  check_network(config);
  check_registries(config);
  const std::string& mode = config.default_cgroupns_mode;
  if (!mode.empty() && mode != "host" && mode != "private") {
    refuse_value("default cgroup namespace mode (" + mode + ") is invalid", "default-cgroupns-mode",
                 R"("host" or "private")");
  }
  static_cast<void>(parse_size("default-shm-size", config.default_shm_size));
  check_ulimits(config);
  check_remap_form(config.userns_remap);
}

}  // namespace gantry::daemon
