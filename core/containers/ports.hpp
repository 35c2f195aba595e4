#pragma once

#include <string>
#include <vector>

#include "gantry/network.hpp"
#include "wire/container_config.hpp"

namespace gantry::containers {

/// "80/tcp", "80" (tcp) or "53/udp". Errors: invalid, in dockerd's words.
struct ContainerPort {
  std::uint16_t number{};
  std::string protocol;
};
ContainerPort parse_port(const std::string& text);

/// What is to be published: the bindings, and with -P every exposed port that has none. Errors: invalid, in dockerd's
/// words.
std::vector<network::v1::Port> published_ports(const wire::ContainerConfig& config, const wire::HostConfig& host);

/// What was published, for NetworkSettings.Ports: the exposed ports without a binding are there with none.
wire::PortMap port_map(const std::vector<network::v1::Port>& ports);

}  // namespace gantry::containers
