#include "daemon/driver_config.hpp"

#include <algorithm>
#include <filesystem>

#include "containers/logging.hpp"
#include "daemon/proxies.hpp"
#include "gantry/error.hpp"

namespace gantry::daemon {

namespace {

namespace fs = std::filesystem;

std::string join(const Strings& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

std::string truth(bool value) { return value ? "true" : "false"; }

// Beside the program in a build tree, below the same prefix when installed.
fs::path program_folder() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return failed ? fs::path{"/usr/bin"} : program.parent_path();
}

std::string libexec_folder() {
  const fs::path beside = program_folder();
  if (fs::exists(beside / "gantry-shim")) return beside;
  return (beside.parent_path() / "lib/gantry/libexec").lexically_normal();
}

Strings plugin_folders(const Config& config) {
  if (!config.plugin_dirs.empty()) return config.plugin_dirs;
  const std::string beside = (program_folder().parent_path() / "lib/gantry/plugins").lexically_normal();
  const std::string usual = "/usr/lib/gantry/plugins";
  if (beside == usual || !fs::exists(usual)) return {beside};
  return {beside, usual};
}

// "overlay.size=1g" or "size=1g", as dockerd's storage-opts are prefixed by their driver's name.
Options storage_options(const Config& config) {
  Options options;
  const std::string prefix = config.storage_driver + ".";
  const std::string docker = "overlay2.";  // what dockerd calls it
  for (const std::string& item : config.storage_opts) {
    const auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw Error{Errc::invalid, "invalid storage-opts \"" + item + "\": name=value is needed"};
    }
    std::string name = item.substr(0, equals);
    if (name.starts_with(prefix)) name.erase(0, prefix.size());
    if (config.storage_driver == "overlay" && name.starts_with(docker)) name.erase(0, docker.size());
    options[name] = item.substr(equals + 1);
  }
  return options;
}

Options bridge_options(const Config& config) {
  Options options;
  const auto add = [&](const char* key, const std::string& value) {
    if (config.given.contains(key)) options[key] = value;
  };
  add("bip", config.bip);
  add("bip6", config.bip6);
  add("mtu", std::to_string(config.mtu));
  add("fixed-cidr-v6", config.fixed_cidr_v6);
  add("default-gateway-v6", config.default_gateway_v6);
  add("ip-masq", truth(config.ip_masq));
  add("iptables", truth(config.iptables));
  add("ip6tables", truth(config.ip6tables));
  add("allow-direct-routing", truth(config.allow_direct_routing));
  add("fixed-cidr", config.fixed_cidr);
  add("default-gateway", config.default_gateway);
  add("icc", truth(config.icc));
  add("ip-forward", truth(config.ip_forward));
  add("ip-forward-no-drop", truth(config.ip_forward_no_drop));
  add("ip", config.ip);
  Strings pools;
  for (const AddressPool& pool : config.default_address_pools) {
    pools.push_back("base=" + pool.base + " size=" + std::to_string(pool.size));
  }
  add("default-address-pools", join(pools));
  return options;
}

Options runtime_options(const Config& config) {
  Options options;
  if (!config.cgroup_parent.empty()) options["cgroup-parent"] = config.cgroup_parent;
  Strings limits;
  for (const auto& [name, limit] : config.default_ulimits) {
    limits.push_back(name + "=" + std::to_string(limit.soft) + ":" + std::to_string(limit.hard));
  }
  if (!limits.empty()) options["default-ulimits"] = join(limits);
  return options;
}

Options registry_options(const Config& config) {
  Options options;
  if (!config.insecure_registries.empty()) options["insecure-registries"] = join(config.insecure_registries);
  if (!config.registry_mirrors.empty()) options["registry-mirrors"] = join(config.registry_mirrors);
  Strings rewrites;
  for (const auto& [prefix, target] : config.registry_rewrites) rewrites.push_back(prefix + "=" + target);
  if (!rewrites.empty()) options["registry-rewrites"] = join(rewrites);
  if (!config.registry_blocks.empty()) options["registry-blocks"] = join(config.registry_blocks);
  for (const char* name : {"http-proxy", "https-proxy", "no-proxy"}) {
    if (const std::string value = proxy_environment(name); !value.empty()) options[name] = value;
  }
  if (!config.certs_dirs.empty()) options["certs-dirs"] = join(config.certs_dirs);
  return options;
}

// Docker's own name for the runtime that is always there.
std::string runtime_name(const std::string& name) {
  return name == "runc" || name == "io.containerd.runc.v2" ? "native" : name;
}

}  // namespace

plugins::DriverConfig make_driver_config(const Config& config) {
  plugins::DriverConfig out;
  out.directories = plugin_folders(config);
  out.data_root = config.data_root;
  out.exec_root = config.exec_root;
  out.libexec_dir = libexec_folder();
  out.storage = config.storage_driver;
  out.registry = config.registry_driver;
  out.runtime = runtime_name(config.default_runtime);
  out.isolate_all = config.isolate_plugins.all;
  out.isolated = config.isolate_plugins.names;
  out.log = config.log_driver;
  for (const auto& [name, value] : config.log_opts) {
    if (!containers::is_own_log_option(name)) out.log_options[name] = value;
  }
  for (const auto& [name, runtime] : config.runtimes) {
    out.runtimes[name] = {runtime_name(runtime.driver), runtime.options};
  }
  const auto add = [&](const std::string& driver, const Options& options) {
    for (const auto& [name, value] : options) out.options[driver][name] = value;
  };
  add(config.storage_driver, storage_options(config));
  add("bridge", bridge_options(config));
  add("native", runtime_options(config));
  const auto is_oci = [](const auto& runtime) { return runtime.second.driver == "oci"; };
  if (std::ranges::any_of(out.runtimes, is_oci)) add("oci", runtime_options(config));
  add(config.registry_driver, registry_options(config));
  for (const auto& [driver, options] : config.driver_opts) add(driver, options);
  return out;
}

}  // namespace gantry::daemon
