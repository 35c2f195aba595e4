#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command/failure.hpp"
#include "commands/container_flags.hpp"
#include "format/go_value.hpp"
#include "parse/environment.hpp"
#include "parse/mount.hpp"
#include "parse/network.hpp"
#include "parse/pairs.hpp"
#include "parse/port.hpp"
#include "parse/resource.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

void set_list(Json& object, const char* key, const std::vector<std::string>& values) {
  if (!values.empty()) object[key] = values;
}

void set_text(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

// The daemon gets a seccomp profile's content, since it cannot see this host's files.
std::string read_seccomp_profile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw InvalidValue("opening seccomp profile (" + path + ") failed: open " + path + ": no such file or directory");
  }
  const Json profile = Json::parse(file, nullptr, false);
  if (profile.is_discarded()) {
    throw InvalidValue("compacting json for seccomp profile (" + path + ") failed: unexpected end of JSON input");
  }
  return profile.dump();
}

// As docker: these are sent, and so shown by inspect, even if nothing is in them.
void fill_lists(Json& host) {
  for (const char* list :
       {"Dns", "DnsOptions", "DnsSearch", "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps", "Devices", "Ulimits"}) {
    if (!host.contains(list)) host[list] = Json::array();
  }
  if (!host.contains("PortBindings")) host["PortBindings"] = Json::object();
}

void check_mode(const char* flag, const char* kind, const std::string& mode, std::initializer_list<const char*> valid,
                bool joins_container) {
  if (mode.empty()) return;
  for (const char* each : valid) {
    if (mode == each) return;
  }
  if (joins_container && starts_with(mode, "container:") && mode.size() > 10) return;
  throw InvalidValue(std::string(flag) + ": invalid " + kind + " mode");
}

}  // namespace

Json ContainerFlags::build(const Flags& flags, const std::vector<std::string>& arguments) const {
  if (!mac_address_.empty() && !is_mac_address(mac_address_)) {
    throw InvalidValue(mac_address_ + " is not a valid mac address");
  }
  if (swappiness_ < -1 || swappiness_ > 100) {
    throw InvalidValue("invalid value: " + std::to_string(swappiness_) + ". Valid memory swappiness range is 0-100");
  }
  Json config = Json::object();
  Json host = Json::object();
  Json networking = Json::object();
  build_config(config, flags, arguments);
  build_storage(config, host);
  build_network(config, host, networking);
  build_security(host);
  build_resources(host, flags);
  build_health(config);
  fill_lists(host);
  config["HostConfig"] = std::move(host);
  config["NetworkingConfig"] = {{"EndpointsConfig", std::move(networking)}};
  return config;
}

void ContainerFlags::build_config(Json& config, const Flags& flags, const std::vector<std::string>& arguments) const {
  config["Hostname"] = hostname_;
  config["Domainname"] = domainname_;
  config["User"] = user_;
  config["AttachStdin"] = attaches("stdin");
  config["AttachStdout"] = attaches("stdout");
  config["AttachStderr"] = attaches("stderr");
  config["Tty"] = tty;
  config["OpenStdin"] = interactive;
  config["StdinOnce"] = interactive && attaches("stdin");
  config["Env"] = read_key_values(env_files_, env_, "env", true);
  config["Cmd"] = nullptr;
  if (arguments.size() > 1) config["Cmd"] = std::vector<std::string>(arguments.begin() + 1, arguments.end());
  config["Image"] = arguments[0];
  config["WorkingDir"] = workdir_;
  config["Entrypoint"] = nullptr;
  // An empty --entrypoint does away with the image's.
  if (flags.given("entrypoint")) config["Entrypoint"] = Json::array({entrypoint_});
  config["Labels"] = object_of_pairs(read_key_values(label_files_, labels_, "label", false));
  set_text(config, "StopSignal", stop_signal_);
  if (flags.given("stop-timeout")) config["StopTimeout"] = stop_timeout_;
}

void ContainerFlags::build_health(Json& config) const {
  set_text(config, "HealthcheckOnFailureAction", health_on_failure_);
  const bool given = !health_cmd_.empty() || !health_times_.empty() || health_retries_ != 0;
  if (no_healthcheck_) {
    if (given) throw InvalidValue("--no-healthcheck conflicts with --health-* options");
    config["Healthcheck"] = {{"Test", {"NONE"}}};
    return;
  }
  if (!given) return;
  Json health = Json::object();
  if (!health_cmd_.empty()) health["Test"] = {"CMD-SHELL", health_cmd_};
  for (const auto& [key, value] : health_times_) {
    if (value < 0) {
      const std::string flag = key == "Interval"      ? "--health-interval"
                               : key == "Timeout"     ? "--health-timeout"
                               : key == "StartPeriod" ? "--health-start-period"
                                                      : "--health-start-interval";
      throw InvalidValue(flag + " cannot be negative");
    }
    health[key] = value;
  }
  if (health_retries_ < 0) throw InvalidValue("--health-retries cannot be negative");
  if (health_retries_ != 0) health["Retries"] = health_retries_;
  config["Healthcheck"] = health;
}

void ContainerFlags::build_storage(Json& config, Json& host) const {
  Json anonymous = Json::object();
  Json binds = Json::array();
  for (const std::string& text : volumes_) {
    const VolumeSpec volume = parse_volume(text);
    if (volume.bind.empty()) {
      anonymous[volume.anonymous] = Json::object();
    } else if (std::find(binds.begin(), binds.end(), volume.bind) == binds.end()) {
      binds.push_back(volume.bind);
    }
  }
  if (!anonymous.empty()) config["Volumes"] = anonymous;
  if (!binds.empty()) host["Binds"] = binds;
  if (!mounts_->empty()) host["Mounts"] = *mounts_;
  for (const std::string& text : tmpfs_) {
    const auto pair = cut(text, ':');
    host["Tmpfs"][pair ? pair->first : text] = pair ? pair->second : "";
  }
  set_list(host, "VolumesFrom", volumes_from_);
  set_text(host, "VolumeDriver", volume_driver_);
  for (const std::string& text : storage_opts_) {
    const auto pair = cut(text, '=');
    if (!pair) throw InvalidValue("invalid storage option");
    host["StorageOpt"][pair->first] = pair->second;
  }
  set_text(host, "ContainerIDFile", cidfile);
}

void ContainerFlags::build_network(Json& config, Json& host, Json& networking) const {
  const Ports ports = parse_ports(publish_, expose_);
  if (!ports.exposed->empty()) config["ExposedPorts"] = *ports.exposed;
  if (!ports.bindings->empty()) host["PortBindings"] = *ports.bindings;
  host["PublishAllPorts"] = publish_all_;
  host["Dns"] = dns_;
  host["DnsOptions"] = dns_options_;
  host["DnsSearch"] = dns_search_;
  set_list(host, "ExtraHosts", extra_hosts_);
  set_list(host, "Links", links_);
  host["NetworkMode"] = networks_.empty() || networks_[0].first.empty() ? "default" : networks_[0].first;
  bool user_defined = false;
  bool predefined = false;
  for (std::size_t i = 0; i < std::max<std::size_t>(networks_.size(), 1); ++i) {
    const std::string network = networks_.empty() ? "default" : networks_[i].first;
    if (network.empty()) throw InvalidValue("no name set for network");
    Json endpoint = networks_.empty() ? Json::object() : *networks_[i].second;
    const std::string mac = endpoint.value("MacAddress", "");
    if (!mac.empty() && !is_mac_address(mac)) throw InvalidValue(mac + " is not a valid mac address");
    (is_user_defined_network(network) ? user_defined : predefined) = true;
    if (i == 0) {
      const auto conflict = [](bool both, const std::string& what) {
        if (both) throw InvalidValue("conflicting options: cannot specify both " + what);
      };
      conflict(endpoint.contains("Aliases") && !aliases_.empty(), "--network-alias and per-network alias");
      if (!aliases_.empty()) endpoint["Aliases"] = aliases_;
      if (!links_.empty() && is_user_defined_network(network)) endpoint["Links"] = links_;
      const Json given = endpoint.value("IPAMConfig", Json::object());
      conflict(given.contains("IPv4Address") && !ip_.empty(), "--ip and per-network IPv4 address");
      conflict(given.contains("IPv6Address") && !ip6_.empty(), "--ip6 and per-network IPv6 address");
      if (!ip_.empty()) endpoint["IPAMConfig"]["IPv4Address"] = ip_;
      if (!ip6_.empty()) endpoint["IPAMConfig"]["IPv6Address"] = ip6_;
      if (!link_local_.empty()) endpoint["IPAMConfig"]["LinkLocalIPs"] = link_local_;
      conflict(endpoint.contains("MacAddress") && !mac_address_.empty(), "--mac-address and per-network MAC address");
      if (!mac_address_.empty() && !starts_with(network, "container:") && network != "host") {
        endpoint["MacAddress"] = mac_address_;
      }
    }
    if (endpoint.contains("Aliases") && !is_user_defined_network(network)) {
      throw InvalidValue("network-scoped aliases are only supported for user-defined networks");
    }
    if (networking.contains(network)) {
      throw InvalidValue("network " + go_quote(network) + " is specified multiple times");
    }
    if (networks_.size() > 1 || !endpoint.empty()) networking[network] = endpoint;
  }
  if (user_defined && predefined) {
    throw InvalidValue("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  }
}

void ContainerFlags::build_security(Json& host) const {
  Json options = Json::array();
  for (const std::string& text : security_opts_) {
    if (text == "systempaths=unconfined") {
      host["MaskedPaths"] = Json::array();
      host["ReadonlyPaths"] = Json::array();
      continue;
    }
    auto pair = cut(text, '=');
    if (!pair && text != "no-new-privileges") {
      pair = cut(text, ':');
      if (!pair) throw InvalidValue("Invalid --security-opt: " + go_quote(text));
    }
    if (pair && pair->first == "seccomp" && pair->second != "unconfined" && pair->second != "builtin") {
      options.push_back("seccomp=" + read_seccomp_profile(pair->second));
    } else {
      options.push_back(text);
    }
  }
  if (!options.empty()) host["SecurityOpt"] = options;
  check_mode("--pid", "PID", pid_, {"host", "private"}, true);
  check_mode("--uts", "UTS", uts_, {"host", "private"}, false);
  check_mode("--userns", "USER", userns_, {"host", "private"}, false);
  check_mode("--cgroupns", "CGROUP", cgroupns_, {"host", "private"}, false);
  set_text(host, "IpcMode", ipc_);
  set_text(host, "PidMode", pid_);
  set_text(host, "UTSMode", uts_);
  set_text(host, "UsernsMode", userns_);
  set_text(host, "CgroupnsMode", cgroupns_);
  set_text(host, "Isolation", isolation_);
  const Capabilities capabilities = effective_capabilities(cap_add_, cap_drop_);
  set_list(host, "CapAdd", capabilities.added);
  set_list(host, "CapDrop", capabilities.dropped);
  set_list(host, "GroupAdd", group_add_);
  host["Privileged"] = privileged_;
  host["ReadonlyRootfs"] = read_only_;
}

void ContainerFlags::build_resources(Json& host, const Flags& flags) const {
  for (const char* flag : {"cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"}) {
    if (!flags.given(flag)) continue;
    throw Failure(
        go_quote("--" + std::string(flag)) +
        " is only supported on a Docker daemon running on windows, but the Docker daemon is running on linux");
  }
  host["AutoRemove"] = auto_remove;
  host["RestartPolicy"] = parse_restart_policy(restart_);
  if (auto_remove && restart_ != "no" && !restart_.empty()) {
    throw InvalidValue("conflicting options: cannot specify both --restart and --rm");
  }
  if (log_driver_ == "none" && !log_opts_.empty()) {
    throw InvalidValue("invalid logging opts for driver " + log_driver_);
  }
  host["LogConfig"] = {{"Type", log_driver_}, {"Config", object_of_pairs(log_opts_)}};
  for (const auto& [key, value] : numbers_) host[key] = value;
  for (const auto& item : lists_->items()) host[item.key()] = item.value();
  Json by_name = Json::array();
  for (const std::string& text : devices_) {
    if (is_cdi_name(text)) {
      by_name.push_back(text);
      continue;
    }
    for (const Json& device : parse_device(text)) host["Devices"].push_back(device);
  }
  if (!by_name.empty()) host["DeviceRequests"].push_back({{"Driver", "cdi"}, {"DeviceIDs", by_name}});
  set_list(host, "DeviceCgroupRules", device_rules_);
  set_text(host, "CpusetCpus", cpuset_cpus_);
  set_text(host, "CpusetMems", cpuset_mems_);
  set_text(host, "CgroupParent", cgroup_parent_);
  set_text(host, "Runtime", runtime_);
  if (swappiness_ != -1) host["MemorySwappiness"] = swappiness_;
  if (oom_kill_disable_) host["OomKillDisable"] = true;
  if (oom_score_adj_ != 0) host["OomScoreAdj"] = oom_score_adj_;
  if (flags.given("init")) host["Init"] = init_;
  if (!sysctls_.empty()) host["Sysctls"] = object_of_pairs(sysctls_);
  if (!annotations_.empty()) host["Annotations"] = object_of_pairs(annotations_);
}

}  // namespace gantry::cli
