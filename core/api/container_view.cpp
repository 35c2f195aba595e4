#include "api/container_view.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/time.hpp"
#include "containers/defaults.hpp"
#include "containers/links.hpp"
#include "containers/ports.hpp"
#include "containers/spec.hpp"

namespace gantry::api {

namespace {

using Json = nlohmann::ordered_json;
using containers::Container;
using containers::State;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string time_or_zero(Nanoseconds time) { return time == 0 ? std::string(kZeroTime) : format_rfc3339(time); }

std::vector<network::v1::Port> published(const containers::Service& service, const Container& container) {
  std::vector<network::v1::Port> ports;
  if (!is_alive(container.state)) return ports;
  for (const auto& endpoint : service.networks().endpoints(container.id)) {
    ports.insert(ports.end(), endpoint.result.ports.begin(), endpoint.result.ports.end());
  }
  return ports;
}

Json ports_list(const containers::Service& service, const Container& container) {
  Json list = Json::array();
  const auto ports = published(service, container);
  for (const auto& port : ports) {
    Json one = {{"IP", port.host_ip.empty() ? "0.0.0.0" : port.host_ip},
                {"PrivatePort", port.container_port},
                {"Type", port.protocol}};
    if (port.host_port != 0) one["PublicPort"] = port.host_port;
    list.push_back(std::move(one));
  }
  if (!is_alive(container.state)) return list;
  std::set<std::pair<std::uint16_t, std::string>> there;
  for (const auto& port : ports) there.emplace(port.container_port, port.protocol);
  for (const auto& text : container.config.exposed_ports) {
    const auto exposed = containers::parse_port(text);
    if (there.contains({exposed.number, exposed.protocol})) continue;
    list.push_back({{"PrivatePort", exposed.number}, {"Type", exposed.protocol}});
  }
  return list;
}

Json ports_map(const containers::Service& service, const Container& container) {
  wire::PortMap map = containers::port_map(published(service, container));
  if (!is_alive(container.state)) return wire::to_json(map);
  for (const auto& text : container.config.exposed_ports) {
    const auto exposed = containers::parse_port(text);
    map.try_emplace(std::to_string(exposed.number) + "/" + exposed.protocol);
  }
  return wire::to_json(map);
}

// Links are on record by id; dockerd shows them by the names of both.
wire::HostConfig shown_host_config(const containers::Service& service, const Container& container) {
  wire::HostConfig host = container.host_config;
  std::vector<std::string> links;
  for (const std::string& text : host.links) {
    const auto link = containers::parse_link(text);
    std::string target = link.target;  // of one that is gone: its name
    try {
      target = service.find(link.target)->name;
    } catch (const Error&) {
    }
    links.push_back("/" + target + ":/" + container.name + "/" + link.alias);
  }
  host.links = std::move(links);
  return host;
}

Json networks_map(const Container& container) {
  Json map = Json::object();
  const auto& endpoints = is_alive(container.state) ? container.last_endpoints : container.endpoints;
  for (const auto& [network, endpoint] : endpoints) {
    Json& shown = map[network] = wire::to_json(endpoint);
    if (const auto last = container.last_endpoints.find(network); last != container.last_endpoints.end()) {
      shown["NetworkID"] = last->second.network_id;
    }
  }
  return map;
}

// What a list tells of them.
Json networks_brief(const Container& container) {
  Json map = networks_map(container);
  for (auto& [network, endpoint] : map.items()) {
    for (const char* name : {"Links", "Aliases", "DriverOpts", "DNSNames"}) endpoint[name] = nullptr;
    if (endpoint["IPAMConfig"].is_object()) endpoint["IPAMConfig"].erase("LinkLocalIPs");
  }
  return map;
}

// Before the first start it is what was asked for, whatever the host can do.
std::string profile_of(const Container& container, const containers::Settings& settings) {
  if (container.started != 0) return containers::apparmor_profile(container.host_config, settings);
  std::string asked;
  for (const std::string& option : container.host_config.security_opt) {
    if (option.starts_with("apparmor=") || option.starts_with("apparmor:")) asked = option.substr(9);
  }
  return asked;
}

Json mounts_list(const Container& container) {
  Json list = Json::array();
  for (const auto& place : container.mounts) {
    // --tmpfs is shown in HostConfig only, as in dockerd.
    if (place.type == "tmpfs" && !place.from_mounts) continue;
    Json mount;
    mount["Type"] = place.type;
    if (!place.name.empty()) mount["Name"] = place.name;
    mount["Source"] = place.source;
    mount["Destination"] = place.destination;
    if (!place.driver.empty()) mount["Driver"] = place.driver;
    mount["Mode"] = place.mode;
    mount["RW"] = place.writable;
    mount["Propagation"] = place.propagation;
    list.push_back(std::move(mount));
  }
  return list;
}

Json health_of(const containers::Health& health) {
  Json log = Json::array();
  for (const auto& result : health.log) {
    log.push_back({{"Start", format_rfc3339(result.start)},
                   {"End", format_rfc3339(result.end)},
                   {"ExitCode", result.exit_code},
                   {"Output", result.output}});
  }
  return {{"Status", to_string(health.status)}, {"FailingStreak", health.failing_streak}, {"Log", std::move(log)}};
}

Json state_of(const Container& container) {
  const State state = container.shown_state();
  Json out{{"Status", to_string(state)},
           {"Running", is_alive(state) || state == State::restarting},
           {"Paused", state == State::paused},
           {"Restarting", state == State::restarting},
           {"OOMKilled", container.oom_killed},
           {"Dead", state == State::dead},
           {"Pid", container.pid},
           {"ExitCode", container.exit_code},
           {"Error", container.error},
           {"StartedAt", time_or_zero(container.started)},
           {"FinishedAt", time_or_zero(container.finished)}};
  if (container.health) out["Health"] = health_of(*container.health);
  return out;
}

Json network_settings(const containers::Service& service, const Container& container) {
  const bool own = is_alive(container.state) && !containers::joins_container(container.host_config.network_mode);
  Json settings{{"Bridge", ""},
                {"SandboxID", own ? container.id : ""},
                {"SandboxKey", own ? "/proc/" + std::to_string(container.pid) + "/ns/net" : ""},
                {"Ports", ports_map(service, container)},
                {"HairpinMode", false},
                {"LinkLocalIPv6Address", ""},
                {"LinkLocalIPv6PrefixLen", 0},
                {"SecondaryIPAddresses", nullptr},
                {"SecondaryIPv6Addresses", nullptr}};
  // The old members tell of the default bridge alone.
  wire::EndpointSettings bridge;
  if (is_alive(container.state)) {
    if (const auto found = container.last_endpoints.find("bridge"); found != container.last_endpoints.end()) {
      bridge = found->second;
    }
  }
  settings["EndpointID"] = bridge.endpoint_id;
  settings["Gateway"] = bridge.gateway;
  settings["GlobalIPv6Address"] = bridge.global_ipv6_address;
  settings["GlobalIPv6PrefixLen"] = bridge.global_ipv6_prefix_len;
  settings["IPAddress"] = bridge.ip_address;
  settings["IPPrefixLen"] = bridge.ip_prefix_len;
  settings["IPv6Gateway"] = bridge.ipv6_gateway;
  settings["MacAddress"] = bridge.mac_address;
  settings["Networks"] = networks_map(container);
  return settings;
}

std::string command_text(const Container& container) {
  std::string text;
  for (const auto& word : container.command()) {
    text += text.empty() ? "" : " ";
    text += word.find(' ') == std::string::npos ? word : "'" + word + "'";
  }
  return text;
}

std::string health_text(const containers::Health& health) {
  const std::string status(to_string(health.status));
  return health.status == containers::HealthStatus::starting ? "health: " + status : status;
}

}  // namespace

std::string human_duration(std::int64_t seconds) {
  const auto plural = [](std::int64_t count, const char* unit) { return std::to_string(count) + " " + unit; };
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (minutes + 30) / 60;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return plural(seconds, "seconds");
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return plural(minutes, "minutes");
  if (hours == 1) return "About an hour";
  if (hours < 48) return plural(hours, "hours");
  if (hours < 24 * 7 * 2) return plural(hours / 24, "days");
  if (hours < 24 * 30 * 2) return plural(hours / 24 / 7, "weeks");
  if (hours < 24 * 365 * 2) return plural(hours / 24 / 30, "months");
  return plural(hours / 24 / 365, "years");
}

std::string status_text(const Container& container) {
  const auto ago = [](Nanoseconds time) { return human_duration((now() - time) / kSecond); };
  const std::string code = "(" + std::to_string(container.exit_code) + ") ";
  switch (container.shown_state()) {
    case State::running:
      return "Up " + ago(container.started) + (container.health ? " (" + health_text(*container.health) + ")" : "");
    case State::paused:
      return "Up " + ago(container.started) + " (Paused)";
    case State::restarting:
      return "Restarting " + code + ago(container.finished) + " ago";
    case State::removing:
      return "Removal In Progress";
    case State::dead:
      return "Dead";
    case State::exited:
      if (container.finished != 0) return "Exited " + code + ago(container.finished) + " ago";
      return "Created";
    default:
      return "Created";
  }
}

namespace {

// As it was named, unless that name is gone or means another image by now.
std::string shown_image(const images::Service& images, const Container& container) {
  try {
    if (images.get(container.config.image)->id == container.image_id) return container.config.image;
  } catch (const Error&) {
    // No such image: the name is gone.
  }
  return container.image_id;
}

}  // namespace

nlohmann::ordered_json container_summary(const containers::Service& service, const images::Service& images,
                                         const Container& container, const LinkNames& link_names,
                                         const std::optional<Sizes>& sizes) {
  std::vector<std::string> names{"/" + container.name};
  const auto [first, last] = link_names.equal_range(container.id);
  for (auto at = first; at != last; ++at) names.push_back(at->second);
  std::sort(names.begin() + 1, names.end());
  Json out = Json::object();
  // Lists are long: room for all members, so that none of them moves.
  out.get_ref<Json::object_t&>().reserve(16);
  out["Id"] = container.id;
  out["Names"] = std::move(names);
  out["Image"] = shown_image(images, container);
  out["ImageID"] = container.image_id;
  out["Command"] = command_text(container);
  out["Created"] = container.created / kSecond;
  out["Ports"] = ports_list(service, container);
  if (sizes) {
    if (sizes->writable != 0) out["SizeRw"] = sizes->writable;
    out["SizeRootFs"] = sizes->root;
  }
  Json& health = out["Health"];
  health["Status"] = container.health ? to_string(container.health->status) : "none";
  health["FailingStreak"] = container.health ? container.health->failing_streak : 0;
  out["Labels"] = container.config.labels.empty() ? Json::object() : Json(container.config.labels);
  out["State"] = to_string(container.shown_state());
  out["Status"] = status_text(container);
  out["HostConfig"]["NetworkMode"] = container.host_config.network_mode;
  out["NetworkSettings"]["Networks"] = networks_brief(container);
  out["Mounts"] = mounts_list(container);
  return out;
}

namespace {

// The address that was asked for on the first network is shown here too, as by dockerd.
Json config_of(const Container& container) {
  wire::ContainerConfig config = container.config;
  const auto endpoint = container.endpoints.find(container.host_config.network_mode);
  if (config.mac_address.empty() && endpoint != container.endpoints.end()) {
    config.mac_address = endpoint->second.mac_address;
  }
  return wire::to_json(config);
}

}  // namespace

nlohmann::ordered_json container_details(const containers::Service& service, const Container& container,
                                         const std::optional<Sizes>& sizes) {
  const auto command = container.command();
  const std::string& mode = container.host_config.network_mode;
  const std::string owner = containers::joins_container(mode) ? containers::joined_container(mode) : container.id;
  const std::string folder = service.settings().data_root + "/containers/" + owner;
  const auto file = [&](const char* name) { return container.sandboxed ? folder + name : std::string(); };
  const auto execs = service.execs_of(container.id);
  Json out{
      {"Id", container.id},
      {"Created", format_rfc3339(container.created)},
      {"Path", command.empty() ? "" : command.front()},
      {"Args", command.empty() ? Json::array() : Json(std::vector(command.begin() + 1, command.end()))},
      {"State", state_of(container)},
      {"Image", container.image_id},
      {"ResolvConfPath", file("/resolv.conf")},
      {"HostnamePath", file("/hostname")},
      {"HostsPath", file("/hosts")},
      {"LogPath", !container.sandboxed || container.host_config.log_config.type == "local" ? "" : container.log_path},
      {"Name", "/" + container.name},
      {"RestartCount", container.restart_count},
      {"Driver", container.storage_driver},
      {"Platform", "linux"},
      {"MountLabel", ""},
      {"ProcessLabel", ""},
      {"AppArmorProfile", profile_of(container, service.settings())},
      {"ExecIDs", execs.empty() ? Json(nullptr) : Json(execs)},
      {"HostConfig", wire::to_json(shown_host_config(service, container))},
      {"GraphDriver", {{"Data", nullptr}, {"Name", container.storage_driver}}}};
  if (sizes) {
    out["SizeRw"] = sizes->writable;
    out["SizeRootFs"] = sizes->root;
  }
  out["Mounts"] = mounts_list(container);
  out["Config"] = config_of(container);
  out["NetworkSettings"] = network_settings(service, container);
  return out;
}

}  // namespace gantry::api
