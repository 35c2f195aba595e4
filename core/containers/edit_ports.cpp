#include "containers/edit_ports.hpp"

#include <algorithm>

#include "containers/defaults.hpp"
#include "containers/ports.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

std::string spelled(const std::string& text) {
  const ContainerPort port = parse_port(text);
  return std::to_string(port.number) + "/" + port.protocol;
}

std::string told(const std::string& port, const wire::PortBinding& binding) {
  const std::string host = binding.host_ip.empty() ? "" : binding.host_ip + ":";
  return host + binding.host_port + "->" + port;
}

/// -P is spelled out, so that one of its ports can be taken away.
void spell_out_all(Container& container) {
  if (!container.host_config.publish_all_ports) return;
  container.host_config.publish_all_ports = false;
  for (const std::string& port : container.config.exposed_ports) {
    auto& bindings = container.host_config.port_bindings[spelled(port)];
    if (bindings.empty()) bindings.emplace_back();
  }
}

void remove_port(wire::PortMap& published, const std::string& port, const std::vector<wire::PortBinding>& unwanted) {
  const auto found = published.find(port);
  if (found == published.end()) throw Error{Errc::not_found, "port " + port + " is not published"};
  if (unwanted.empty()) found->second.clear();
  for (const wire::PortBinding& binding : unwanted) {
    const auto removed = std::erase_if(found->second, [&](const wire::PortBinding& one) {
      return (binding.host_ip.empty() || one.host_ip == binding.host_ip) &&
             (binding.host_port.empty() || one.host_port == binding.host_port);
    });
    if (removed == 0) throw Error{Errc::not_found, "port " + told(port, binding) + " is not published"};
  }
  if (found->second.empty()) published.erase(found);
}

void add_port(Container& container, const std::string& port, std::vector<wire::PortBinding> wanted) {
  if (wanted.empty()) wanted.emplace_back();
  auto& bindings = container.host_config.port_bindings[port];
  for (const wire::PortBinding& binding : wanted) {
    if (!binding.host_port.empty() && std::find(bindings.begin(), bindings.end(), binding) != bindings.end()) {
      throw Error{Errc::conflict, "port " + told(port, binding) + " is published already"};
    }
    bindings.push_back(binding);
  }
  container.config.exposed_ports.insert(port);
}

}  // namespace

void edit_ports(Container& container, const wire::PortMap& add, const wire::PortMap& remove) {
  const std::string& mode = container.host_config.network_mode;
  if (mode == "host" || mode == "none" || joins_container(mode)) {
    throw Error{Errc::denied, "container " + container.name + " publishes no ports: its network mode is " + mode};
  }
  spell_out_all(container);
  for (const auto& [port, bindings] : remove) {
    remove_port(container.host_config.port_bindings, spelled(port), bindings);
  }
  for (const auto& [port, bindings] : add) add_port(container, spelled(port), bindings);
}

}  // namespace gantry::containers
