#include "containers/ports.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <set>
#include <utility>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

bool parse_number(const std::string& text, std::uint16_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number != 0;
}

bool is_address(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 || ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

network::v1::Port parse_binding(const ContainerPort& inside, const wire::PortBinding& binding) {
  network::v1::Port port;
  port.protocol = inside.protocol;
  port.container_port = inside.number;
  port.host_ip = binding.host_ip;
  if (!port.host_ip.empty() && !is_address(port.host_ip)) {
    throw Error{Errc::invalid, "invalid IP address: " + port.host_ip};
  }
  if (binding.host_port.empty() || binding.host_port == "0") return port;
  const std::size_t dash = binding.host_port.find('-');
  const bool valid =
      parse_number(binding.host_port.substr(0, dash), port.host_port) &&
      (dash == std::string::npos ||
       (parse_number(binding.host_port.substr(dash + 1), port.host_port_end) && port.host_port_end >= port.host_port));
  if (!valid) throw Error{Errc::invalid, "invalid port specification: \"" + binding.host_port + "\""};
  if (port.host_port_end == port.host_port) port.host_port_end = 0;
  return port;
}

}  // namespace

ContainerPort parse_port(const std::string& text) {
  ContainerPort port;
  const std::size_t slash = text.find('/');
  port.protocol = slash == std::string::npos ? "tcp" : text.substr(slash + 1);
  if (!parse_number(text.substr(0, slash), port.number)) {
    throw Error{Errc::invalid, "invalid port specification: \"" + text + "\""};
  }
  if (port.protocol != "tcp" && port.protocol != "udp" && port.protocol != "sctp") {
    throw Error{Errc::invalid, "invalid proto: " + port.protocol};
  }
  return port;
}

std::vector<network::v1::Port> published_ports(const wire::ContainerConfig& config, const wire::HostConfig& host) {
  std::vector<network::v1::Port> ports;
  for (const auto& [text, bindings] : host.port_bindings) {
    const ContainerPort inside = parse_port(text);
    if (bindings.empty()) ports.push_back(parse_binding(inside, {}));
    for (const auto& binding : bindings) ports.push_back(parse_binding(inside, binding));
  }
  std::set<std::pair<std::uint16_t, std::string>> bound;
  for (const auto& port : ports) bound.emplace(port.container_port, port.protocol);
  for (const std::string& text : config.exposed_ports) {
    const ContainerPort inside = parse_port(text);
    if (host.publish_all_ports && bound.emplace(inside.number, inside.protocol).second) {
      ports.push_back(parse_binding(inside, {}));
    }
  }
  if (host.network_mode == "host" || host.network_mode == "none") ports.clear();
  return ports;
}

wire::PortMap port_map(const std::vector<network::v1::Port>& ports) {
  wire::PortMap map;
  for (const auto& port : ports) {
    auto& bindings = map[std::to_string(port.container_port) + "/" + port.protocol];
    const std::string ip = port.host_ip.empty() ? "0.0.0.0" : port.host_ip;
    // A routed port is open at the container's address, and takes none of the host's.
    bindings.push_back({ip, port.host_port == 0 ? "" : std::to_string(port.host_port)});
  }
  return map;
}

}  // namespace gantry::containers
