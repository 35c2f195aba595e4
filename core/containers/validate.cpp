#include "containers/validate.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "containers/defaults.hpp"
#include "containers/spec.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error{Errc::invalid, message}; }

void validate_config(const wire::ContainerConfig& config) {
  if (!config.working_dir.empty() && config.working_dir.front() != '/') {
    refuse("the working directory '" + config.working_dir + "' is invalid, it needs to be an absolute path");
  }
  if (!config.stop_signal.empty()) parse_signal(config.stop_signal);
  for (const std::string& variable : config.env) {
    if (variable.empty() || variable.front() == '=') refuse("invalid environment variable: " + variable);
    if (variable.find('\0') != std::string::npos) refuse("invalid environment variable: " + variable);
  }
  if (config.hostname.size() > 63 || config.hostname.find('\0') != std::string::npos) {
    refuse("invalid hostname format: " + config.hostname);
  }
  if (config.healthcheck) {
    constexpr std::int64_t millisecond = 1'000'000;
    const auto check = [](std::int64_t time, const char* what) {
      if (time != 0 && time < millisecond) refuse(std::string(what) + " in Healthcheck cannot be less than 1ms");
    };
    check(config.healthcheck->interval, "Interval");
    check(config.healthcheck->timeout, "Timeout");
    check(config.healthcheck->start_period, "StartPeriod");
    check(config.healthcheck->start_interval, "StartInterval");
    if (config.healthcheck->retries < 0) refuse("Retries in Healthcheck cannot be negative");
  }
}

void validate_modes(const wire::HostConfig& host) {
  const auto is_join = [](const std::string& mode) { return joins_container(mode) && !joined_container(mode).empty(); };
  if (!host.pid_mode.empty() && host.pid_mode != "host" && !is_join(host.pid_mode)) {
    refuse("invalid PID mode: " + host.pid_mode);
  }
  static const std::set<std::string> ipc_modes{"", "none", "host", "private", "shareable"};
  if (host.ipc_mode == "container:") refuse("failed to join IPC namespace: invalid name or ID supplied: \"\"");
  if (!ipc_modes.contains(host.ipc_mode) && !is_join(host.ipc_mode)) refuse("invalid IPC mode: " + host.ipc_mode);
  if (!host.uts_mode.empty() && host.uts_mode != "host") refuse("invalid UTS mode: " + host.uts_mode);
  if (!host.userns_mode.empty() && host.userns_mode != "host") refuse("invalid userns mode: " + host.userns_mode);
  if (!host.cgroupns_mode.empty() && host.cgroupns_mode != "host" && host.cgroupns_mode != "private") {
    refuse("invalid cgroup namespace mode: " + host.cgroupns_mode);
  }
  if (joins_container(host.network_mode) && !is_join(host.network_mode)) {
    refuse("Invalid network mode: invalid container format container:<name|id>");
  }
  if (!host.isolation.empty() && host.isolation != "default") {
    refuse("Invalid isolation: \"" + host.isolation + "\" - linux only supports 'default'");
  }
}

void validate_network_conflicts(const wire::ContainerConfig& config, const wire::HostConfig& host) {
  if (!joins_container(host.network_mode)) {
    if (host.network_mode == "host" && !host.links.empty()) {
      refuse(
          "conflicting options: host type networking can't be used with links. This would result in undefined "
          "behavior");
    }
    return;
  }
  if (!config.hostname.empty()) refuse("conflicting options: hostname and the network mode");
  if (!host.links.empty()) {
    refuse(
        "conflicting options: container type network can't be used with links. This would result in undefined "
        "behavior");
  }
  if (!host.dns.empty()) refuse("conflicting options: dns and the network mode");
  if (!host.extra_hosts.empty()) refuse("conflicting options: custom host-to-IP mapping and the network mode");
  if (!host.port_bindings.empty() || host.publish_all_ports) {
    refuse("conflicting options: port publishing and the container type network mode");
  }
  if (!config.exposed_ports.empty()) refuse("conflicting options: port exposing and the container type network mode");
}

void validate_names(const wire::ContainerConfig& config, const wire::HostConfig& host) {
  if (host.uts_mode == "host" && !config.hostname.empty()) refuse("conflicting options: hostname and the UTS mode");
  for (const auto& [key, value] : host.annotations) {
    if (key.empty()) refuse("invalid Annotations: the empty string is not permitted as an annotation key");
  }
}

void validate_extra_hosts(const std::vector<std::string>& hosts) {
  for (const std::string& entry : hosts) {
    const std::size_t colon = entry.find(':');
    if (colon == std::string::npos || colon == 0) refuse("bad format for add-host: \"" + entry + "\"");
    std::string address = entry.substr(colon + 1);
    if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
    in6_addr parsed{};
    const bool valid = address == "host-gateway" || ::inet_pton(AF_INET, address.c_str(), &parsed) == 1 ||
                       ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
    if (!valid) refuse("invalid IP address in add-host: \"" + address + "\"");
  }
}

}  // namespace

int parse_signal(const std::string& text) {
  if (!text.empty() && text.size() <= 2 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    const int number = std::stoi(text);
    if (number > 0 && number <= SIGRTMAX) return number;
  }
  std::string name;
  for (const char c : text) name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  if (name.starts_with("SIG")) name.erase(0, 3);
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && name == known) return signal;
  }
  if (name == "CLD") return SIGCHLD;
  if (name == "IOT") return SIGABRT;
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
    int number = name.starts_with("RTMIN") ? SIGRTMIN : SIGRTMAX;
    const std::string offset = name.substr(5);
    if (offset.empty()) return number;
    if ((offset[0] == '+' || offset[0] == '-') && offset.size() <= 3 && offset.size() >= 2 &&
        std::all_of(offset.begin() + 1, offset.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      number += std::stoi(offset);
      if (number >= SIGRTMIN && number <= SIGRTMAX) return number;
    }
  }
  throw Error{Errc::invalid, "invalid signal: " + text};
}

int stop_signal(const wire::ContainerConfig& config) {
  if (config.stop_signal.empty()) return SIGTERM;
  try {
    return parse_signal(config.stop_signal);
  } catch (const Error&) {
    return SIGTERM;
  }
}

void validate_restart_policy(const wire::RestartPolicy& policy, bool auto_remove) {
  const std::string& name = policy.name;
  if (name == "always" || name == "unless-stopped" || name == "no" || name.empty()) {
    if (policy.maximum_retry_count > 0) {
      refuse("invalid restart policy: maximum retry count can only be used with 'on-failure'");
    }
    if (policy.maximum_retry_count < 0) {
      refuse("invalid restart policy: maximum retry count can only be used with 'on-failure' and cannot be negative");
    }
  } else if (name == "on-failure") {
    if (policy.maximum_retry_count < 0) refuse("invalid restart policy: maximum retry count cannot be negative");
  } else {
    refuse("invalid restart policy: unknown policy '" + name +
           "'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'");
  }
  if (auto_remove && !name.empty() && name != "no") refuse("can't create 'AutoRemove' container with restart policy");
}

void validate(const wire::ContainerConfig& config, const wire::HostConfig& host, std::vector<std::string>& warnings) {
  validate_config(config);
  validate_restart_policy(host.restart_policy, host.auto_remove);
  validate_modes(host);
  validate_network_conflicts(config, host);
  validate_names(config, host);
  validate_extra_hosts(host.extra_hosts);
  if (host.shm_size < 0) refuse("SHM size can not be less than 0");
  if (host.oom_score_adj < -1000 || host.oom_score_adj > 1000) {
    refuse("Invalid value " + std::to_string(host.oom_score_adj) + ", range for oom score adj is [-1000, 1000]");
  }
  for (const auto& [option, value] : host.storage_opt) {
    if (option != "size") refuse("Unknown option " + option);
    (void)parse_bytes(value, "size");
  }
  if (host.network_mode == "host" && (!host.port_bindings.empty() || host.publish_all_ports)) {
    warnings.emplace_back("Published ports are discarded when using host network mode");
  }
  validate_resources(host.resources, warnings);
}

}  // namespace gantry::containers
