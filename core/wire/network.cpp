#include "wire/network.hpp"

#include <nlohmann/json.hpp>

#include "gantry/error.hpp"

#include "wire/members.hpp"
#include "wire/network_peer.hpp"

namespace gantry::wire {
namespace {

using nlohmann::json;
using Texts = std::map<std::string, std::string>;

/// A member that is an object; an empty one if it is missing.
json member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return json::object();
  if (!found->is_object())
    throw Error{Errc::invalid, std::string("invalid JSON: json: cannot unmarshal into Go struct field ") + name};
  return *found;
}

template <class T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json(nullptr);
}

json ipam_config_json(const IpamConfig& config) {
  json out = json::object();
  if (!config.subnet.empty()) out["Subnet"] = config.subnet;
  if (!config.ip_range.empty()) out["IPRange"] = config.ip_range;
  if (!config.gateway.empty()) out["Gateway"] = config.gateway;
  if (!config.auxiliary_addresses.empty()) out["AuxiliaryAddresses"] = config.auxiliary_addresses;
  return out;
}

IpamConfig read_ipam_config(const json& value) {
  IpamConfig config;
  if (value.is_null()) return config;
  expect_object(value);
  take(value, "Subnet", config.subnet);
  take(value, "IPRange", config.ip_range);
  take(value, "Gateway", config.gateway);
  take(value, "AuxiliaryAddresses", config.auxiliary_addresses);
  return config;
}

json ipam_json(const Ipam& ipam) {
  json configs = nullptr;
  if (ipam.config) {
    configs = json::array();
    for (const IpamConfig& config : *ipam.config) configs.push_back(ipam_config_json(config));
  }
  return {{"Driver", ipam.driver}, {"Options", or_null(ipam.options)}, {"Config", std::move(configs)}};
}

Ipam read_ipam(const json& value) {
  Ipam ipam;
  take(value, "Driver", ipam.driver);
  if (ipam.driver.empty()) ipam.driver = "default";
  take(value, "Options", ipam.options);
  const auto configs = value.find("Config");
  if (configs == value.end() || configs->is_null()) return ipam;
  if (!configs->is_array())
    throw Error{Errc::invalid, "invalid JSON: json: cannot unmarshal into Go struct field Config"};
  ipam.config.emplace();
  for (const json& config : *configs) ipam.config->push_back(read_ipam_config(config));
  return ipam;
}

json container_json(const NetworkContainer& container) {
  return {{"Name", container.name},
          {"EndpointID", container.endpoint_id},
          {"MacAddress", container.mac_address},
          {"IPv4Address", container.ipv4_address},
          {"IPv6Address", container.ipv6_address}};
}

NetworkContainer read_container(const json& value) {
  expect_object(value);
  NetworkContainer container;
  take(value, "Name", container.name);
  take(value, "EndpointID", container.endpoint_id);
  take(value, "MacAddress", container.mac_address);
  take(value, "IPv4Address", container.ipv4_address);
  take(value, "IPv6Address", container.ipv6_address);
  return container;
}

}  // namespace

void to_json(json& out, const Network& network) {
  json containers = json::object();
  for (const auto& [id, container] : network.containers) containers[id] = container_json(container);
  out = {{"Name", network.name},
         {"Id", network.id},
         {"Created", network.created},
         {"Scope", network.scope},
         {"Driver", network.driver},
         {"EnableIPv4", network.enable_ipv4},
         {"EnableIPv6", network.enable_ipv6},
         {"IPAM", ipam_json(network.ipam)},
         {"Internal", network.internal},
         {"Attachable", network.attachable},
         {"Ingress", network.ingress},
         {"ConfigFrom", {{"Network", network.config_from}}},
         {"ConfigOnly", network.config_only},
         {"Containers", std::move(containers)},
         {"Options", network.options},
         {"Labels", network.labels}};
  if (!network.ipam_status) return;
  json subnets = json::object();
  for (const auto& [subnet, status] : *network.ipam_status) {
    subnets[subnet] = {{"IPsInUse", status.ips_in_use}, {"DynamicIPsAvailable", status.dynamic_ips_available}};
  }
  out["Status"] = {{"IPAM", {{"Subnets", std::move(subnets)}}}};
}

void from_json(const json& value, Network& network) {
  expect_object(value);
  take(value, "Name", network.name);
  take(value, "Id", network.id);
  take(value, "Created", network.created);
  take(value, "Scope", network.scope);
  take(value, "Driver", network.driver);
  take(value, "EnableIPv4", network.enable_ipv4);
  take(value, "EnableIPv6", network.enable_ipv6);
  network.ipam = read_ipam(member(value, "IPAM"));
  take(value, "Internal", network.internal);
  take(value, "Attachable", network.attachable);
  take(value, "Ingress", network.ingress);
  take(value, "ConfigOnly", network.config_only);
  take(member(value, "ConfigFrom"), "Network", network.config_from);
  const json containers = member(value, "Containers");
  for (const auto& [id, container] : containers.items()) {
    network.containers[id] = read_container(container);
  }
  take(value, "Options", network.options);
  take(value, "Labels", network.labels);
}

void to_json(json& out, const NetworkCreateRequest& request) {
  out = {{"Name", request.name},
         {"Driver", request.driver},
         {"Scope", request.scope},
         {"Internal", request.internal},
         {"Attachable", request.attachable},
         {"Ingress", request.ingress},
         {"ConfigOnly", request.config_only},
         {"ConfigFrom", {{"Network", request.config_from}}},
         {"IPAM", ipam_json(request.ipam)},
         {"Options", request.options},
         {"Labels", request.labels}};
  if (request.enable_ipv4) out["EnableIPv4"] = *request.enable_ipv4;
  if (request.enable_ipv6) out["EnableIPv6"] = *request.enable_ipv6;
}

void from_json(const json& value, NetworkCreateRequest& request) {
  expect_object(value);
  take(value, "Name", request.name);
  take(value, "Driver", request.driver);
  take(value, "Internal", request.internal);
  take(value, "Attachable", request.attachable);
  take(value, "Ingress", request.ingress);
  take(value, "ConfigOnly", request.config_only);
  take(member(value, "ConfigFrom"), "Network", request.config_from);
  take(value, "Scope", request.scope);
  take(value, "EnableIPv4", request.enable_ipv4);
  take(value, "EnableIPv6", request.enable_ipv6);
  request.ipam = read_ipam(member(value, "IPAM"));
  take(value, "Options", request.options);
  take(value, "Labels", request.labels);
}

void from_json(const json& value, NetworkPeer& peer) {
  take(value, "Container", peer.container);
  take(value, "Force", peer.force);
}

void to_json(json& out, const EndpointSettings& settings) {
  json ipam = nullptr;
  if (settings.ipam) {
    ipam = json::object();
    if (!settings.ipam->ipv4_address.empty()) ipam["IPv4Address"] = settings.ipam->ipv4_address;
    if (!settings.ipam->ipv6_address.empty()) ipam["IPv6Address"] = settings.ipam->ipv6_address;
    if (!settings.ipam->link_local_ips.empty()) ipam["LinkLocalIPs"] = settings.ipam->link_local_ips;
  }
  out = {{"IPAMConfig", std::move(ipam)},
         {"Links", or_null(settings.links)},
         {"Aliases", or_null(settings.aliases)},
         {"MacAddress", settings.mac_address},
         {"DriverOpts", or_null(settings.driver_opts)},
         {"GwPriority", settings.gateway_priority},
         {"NetworkID", settings.network_id},
         {"EndpointID", settings.endpoint_id},
         {"Gateway", settings.gateway},
         {"IPAddress", settings.ip_address},
         {"IPPrefixLen", settings.ip_prefix_len},
         {"IPv6Gateway", settings.ipv6_gateway},
         {"GlobalIPv6Address", settings.global_ipv6_address},
         {"GlobalIPv6PrefixLen", settings.global_ipv6_prefix_len},
         {"DNSNames", or_null(settings.dns_names)}};
}

void from_json(const json& value, EndpointSettings& settings) {
  expect_object(value);
  if (const auto ipam = value.find("IPAMConfig"); ipam != value.end() && !ipam->is_null()) {
    expect_object(*ipam);
    settings.ipam.emplace();
    take(*ipam, "IPv4Address", settings.ipam->ipv4_address);
    take(*ipam, "IPv6Address", settings.ipam->ipv6_address);
    take(*ipam, "LinkLocalIPs", settings.ipam->link_local_ips);
  }
  take(value, "Links", settings.links);
  take(value, "Aliases", settings.aliases);
  take(value, "MacAddress", settings.mac_address);
  take(value, "DriverOpts", settings.driver_opts);
  take(value, "GwPriority", settings.gateway_priority);
  take(value, "NetworkID", settings.network_id);
  take(value, "EndpointID", settings.endpoint_id);
  take(value, "Gateway", settings.gateway);
  take(value, "IPAddress", settings.ip_address);
  take(value, "IPPrefixLen", settings.ip_prefix_len);
  take(value, "IPv6Gateway", settings.ipv6_gateway);
  take(value, "GlobalIPv6Address", settings.global_ipv6_address);
  take(value, "GlobalIPv6PrefixLen", settings.global_ipv6_prefix_len);
  take(value, "DNSNames", settings.dns_names);
}

}  // namespace gantry::wire
