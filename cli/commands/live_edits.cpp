#include "commands/live_edits.hpp"

#include <nlohmann/json.hpp>

#include "client/client.hpp"
#include "parse/mount.hpp"
#include "parse/network.hpp"
#include "parse/port.hpp"

namespace gantry::cli {

namespace {

/// "80" and "80/tcp" are all bindings of the container's port; what has a colon is one of them, as for --publish.
Json unpublished(const std::vector<std::string>& specs) {
  std::vector<std::string> bindings;
  std::vector<std::string> ports;
  for (const std::string& spec : specs) (spec.find(':') == std::string::npos ? ports : bindings).push_back(spec);
  Json map = *parse_ports(bindings, {}).bindings;
  if (map.is_null()) map = Json::object();
  const Ports whole = parse_ports({}, ports);
  if (whole.exposed->is_object()) {
    for (const auto& [port, unused] : whole.exposed->items()) map[port] = Json::array();
  }
  return map;
}

Json published(const std::vector<std::string>& specs) {
  const Ports ports = parse_ports(specs, {});
  return ports.bindings->is_null() ? Json::object() : *ports.bindings;
}

}  // namespace

void LiveEdits::declare(Flags& flags) {
  flags.list("publish-add", publish_, "Publish a port of the container, as --publish of run does")
      .list("publish-rm", unpublish_, "Publish a port no longer: 80/tcp, or one of its bindings: 8080:80")
      .list("mount-add", mount_, "Add a mount, as --mount of run does", "mount")
      .list("mount-rm", unmount_, "Remove the mount at this path of the container")
      .list("network-add", connect_, "Connect to a network, as --network of run does", "network")
      .list("network-rm", disconnect_, "Disconnect from a network");
}

bool LiveEdits::empty() const {
  return publish_.empty() && unpublish_.empty() && mount_.empty() && unmount_.empty() && connect_.empty() &&
         disconnect_.empty();
}

std::vector<LiveEdits::Request> LiveEdits::requests(const std::string& container) const {
  const std::string path = "/containers/" + escaped(container);
  std::vector<Request> out;
  const auto add = [&out](std::string to, Json body) {
    out.push_back({std::move(to), std::make_shared<const Json>(std::move(body))});
  };
  for (const std::string& text : connect_) {
    const NetworkSpec network = parse_network(text);
    add("/networks/" + escaped(network.name) + "/connect",
        {{"Container", container}, {"EndpointConfig", *network.endpoint}});
  }
  if (!mount_.empty() || !unmount_.empty()) {
    Json added = Json::array();
    for (const std::string& text : mount_) added.push_back(parse_mount(text));
    add(path + "/mounts", {{"Add", added}, {"Remove", unmount_}});
  }
  if (!publish_.empty() || !unpublish_.empty()) {
    add(path + "/ports", {{"Add", published(publish_)}, {"Remove", unpublished(unpublish_)}});
  }
  for (const std::string& network : disconnect_) {
    add("/networks/" + escaped(network) + "/disconnect", {{"Container", container}, {"Force", false}});
  }
  return out;
}

}  // namespace gantry::cli
