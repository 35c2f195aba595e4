#include "containers/links.hpp"

#include <algorithm>
#include <sstream>

#include "containers/ports.hpp"
#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

// TCP before other protocols, then by number, as dockerd.
std::vector<ContainerPort> sorted_ports(const Container& container) {
  std::vector<ContainerPort> ports;
  for (const std::string& text : container.config.exposed_ports) ports.push_back(parse_port(text));
  std::sort(ports.begin(), ports.end(), [](const ContainerPort& a, const ContainerPort& b) {
    const bool a_tcp = a.protocol == "tcp";
    const bool b_tcp = b.protocol == "tcp";
    if (a_tcp != b_tcp) return a_tcp;
    return a.number != b.number ? a.number < b.number : a.protocol < b.protocol;
  });
  return ports;
}

std::string upper(const std::string& text) {
  std::string out;
  for (const char c : text) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return out;
}

class PortVariables {
 public:
  PortVariables(std::string prefix, std::string address) : prefix_(std::move(prefix)), address_(std::move(address)) {}

  std::vector<std::string> of(const std::vector<ContainerPort>& ports) {
    if (!ports.empty()) add("_PORT", url(ports.front()));
    for (std::size_t first = 0; first < ports.size();) {
      std::size_t last = first;
      while (last + 1 < ports.size() && ports[last + 1].number == ports[last].number + 1 &&
             ports[last + 1].protocol == ports[first].protocol) {
        ++last;
      }
      if (last > first) add_range(ports[first], ports[last]);
      for (; first <= last; ++first) add_port(ports[first]);
    }
    return std::move(variables_);
  }

 private:
  void add(const std::string& name, const std::string& value) { variables_.push_back(prefix_ + name + "=" + value); }
  [[nodiscard]] std::string url(const ContainerPort& port) const {
    return port.protocol + "://" + address_ + ":" + std::to_string(port.number);
  }
  static std::string name_of(const ContainerPort& port) {
    return "_PORT_" + std::to_string(port.number) + "_" + upper(port.protocol);
  }
  void add_range(const ContainerPort& first, const ContainerPort& last) {
    const std::string name = name_of(first);
    add(name + "_START", url(first));
    add(name + "_END", url(last));
    add(name + "_PORT_START", std::to_string(first.number));
    add(name + "_PORT_END", std::to_string(last.number));
  }
  void add_port(const ContainerPort& port) {
    const std::string name = name_of(port);
    add(name, url(port));
    add(name + "_ADDR", address_);
    add(name + "_PORT", std::to_string(port.number));
    add(name + "_PROTO", port.protocol);
  }

  std::string prefix_;
  std::string address_;
  std::vector<std::string> variables_;
};

std::string last_part(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Link parse_link(const std::string& text) {
  if (text.empty()) throw Error{Errc::invalid, "empty string specified for links"};
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {text, last_part(text)};
  if (text.find(':', colon + 1) != std::string::npos) throw Error{Errc::invalid, "bad format for links: " + text};
  Link link{text.substr(0, colon), text.substr(colon + 1)};
  if (link.target.starts_with('/')) {
    link.target.erase(0, 1);
    link.alias = last_part(link.alias);
  }
  return link;
}

std::string lost_link(const Link& link, const std::string& target) { return "/" + target + ":" + link.alias; }

std::vector<std::string> link_environment(const std::string& name, const std::string& alias, const Container& linked) {
  std::string prefix = upper(alias);
  std::replace(prefix.begin(), prefix.end(), '-', '_');
  auto variables = PortVariables{prefix, bridge_address(linked)}.of(sorted_ports(linked));
  variables.push_back(prefix + "_NAME=/" + name + "/" + alias);
  for (const std::string& variable : linked.config.env) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || variable.starts_with("HOME=") || variable.starts_with("PATH=")) continue;
    variables.push_back(prefix + "_ENV_" + variable);
  }
  return variables;
}

std::string link_line(const std::string& alias, const Container& linked) {
  const std::string name = alias == linked.name ? "" : " " + linked.name;
  return bridge_address(linked) + " " + alias + " " + linked.config.hostname + name;
}

// As dockerd: other lines, names behind the first one included, are the container's own.
std::string with_link_address(const std::string& hosts, const std::string& alias, const std::string& address) {
  std::string out;
  std::istringstream lines{hosts};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    const std::string name = line.substr(tab, line.find_first_of(" \t", tab + 1) - tab);
    out += (name == "\t" + alias ? address + line.substr(tab) : line) + "\n";
  }
  return out;
}

std::string bridge_address(const Container& container) {
  const auto bridge = container.last_endpoints.find("bridge");
  return bridge == container.last_endpoints.end() || !is_alive(container.state) ? "" : bridge->second.ip_address;
}

}  // namespace gantry::containers
