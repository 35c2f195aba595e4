#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wire/host_config.hpp"
#include "wire/network.hpp"

/// The body of ContainerCreate, which ContainerInspect answers again (API: ContainerConfig, NetworkingConfig).
namespace gantry::wire {

using Labels = std::map<std::string, std::string>;

/// API: HealthConfig; times in nanoseconds.
struct Healthcheck {
  std::vector<std::string> test;
  std::int64_t interval{};
  std::int64_t timeout{};
  std::int64_t start_period{};
  std::int64_t start_interval{};
  int retries{};
};

/// API: ContainerConfig.
struct ContainerConfig {
  std::string hostname;
  std::string domainname;
  std::string user;
  bool attach_stdin{};
  bool attach_stdout{};
  bool attach_stderr{};
  std::set<std::string> exposed_ports;  ///< "80/tcp".
  bool tty{};
  bool open_stdin{};
  bool stdin_once{};
  std::vector<std::string> env;  ///< "NAME=value", or "NAME" to remove one of the image's.
  std::optional<std::vector<std::string>> cmd;
  std::optional<Healthcheck> healthcheck;
  std::string health_on_failure;  ///< Our own, named as Podman's: "", "none", "kill", "restart" or "stop".
  bool args_escaped{};
  std::string image;
  std::set<std::string> volumes;
  std::string working_dir;
  std::optional<std::vector<std::string>> entrypoint;  ///< Nothing: the image's; [""] or []: none.
  bool network_disabled{};
  std::string mac_address;
  std::vector<std::string> on_build;
  Labels labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;  ///< Seconds.
  std::vector<std::string> shell;
};

/// The whole body of POST /containers/create.
struct CreateBody {
  ContainerConfig config;
  HostConfig host_config;
  std::map<std::string, EndpointSettings> endpoints;  ///< NetworkingConfig.EndpointsConfig.
};

nlohmann::ordered_json to_json(const ContainerConfig& config);
nlohmann::ordered_json to_json(const EndpointSettings& endpoint);  ///< In dockerd's order.
nlohmann::ordered_json to_json(const CreateBody& body);

/// What is missing keeps its default. Errors: invalid (a member of the wrong type).
void from_json(const nlohmann::json& in, ContainerConfig& config);
void from_json(const nlohmann::json& in, CreateBody& body);

}  // namespace gantry::wire
