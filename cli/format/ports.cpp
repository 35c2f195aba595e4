#include "format/ports.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

namespace gantry::cli {

namespace {

struct Port {
  int inside = 0;
  std::string address;
  int outside = 0;
  std::string protocol;

  [[nodiscard]] auto order() const { return std::tie(inside, address, outside, protocol); }
};

struct Group {
  std::string address;
  std::string protocol;
  int first = 0;
  int last = 0;
};

std::string group_text(const Group& group) {
  std::string range = std::to_string(group.first);
  if (group.first != group.last) range += "-" + std::to_string(group.last);
  const std::string mapped = group.address.empty() ? range : host_and_port(group.address, range) + "->" + range;
  return mapped + "/" + group.protocol;
}

std::vector<Port> sorted_ports(const Json& ports) {
  std::vector<Port> out;
  if (!ports.is_array()) return out;
  for (const Json& port : ports) {
    out.push_back(
        {port.value("PrivatePort", 0), port.value("IP", ""), port.value("PublicPort", 0), port.value("Type", "")});
  }
  std::sort(out.begin(), out.end(), [](const Port& a, const Port& b) { return a.order() < b.order(); });
  return out;
}

}  // namespace

std::string host_and_port(const std::string& host, const std::string& port) {
  return host.find(':') != std::string::npos ? "[" + host + "]:" + port : host + ":" + port;
}

std::string displayed_ports(const Json& ports) {
  std::vector<std::string> shown;
  std::vector<std::string> mapped;
  std::vector<Group> groups;
  for (const Port& port : sorted_ports(ports)) {
    if (!port.address.empty() && port.outside != port.inside) {
      mapped.push_back(host_and_port(port.address, std::to_string(port.outside)) + "->" + std::to_string(port.inside) +
                       "/" + port.protocol);
      continue;
    }
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& each) {
      return each.address == port.address && each.protocol == port.protocol;
    });
    if (group == groups.end()) {
      groups.push_back({port.address, port.protocol, port.inside, port.inside});
    } else if (port.inside == group->last + 1) {
      group->last = port.inside;
    } else {
      shown.push_back(group_text(*group));
      group->first = group->last = port.inside;
    }
  }
  for (const Group& group : groups) shown.push_back(group_text(group));
  shown.insert(shown.end(), mapped.begin(), mapped.end());
  std::string out;
  for (const std::string& text : shown) out += (out.empty() ? "" : ", ") + text;
  return out;
}

}  // namespace gantry::cli
