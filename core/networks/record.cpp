#include <nlohmann/json.hpp>

#include "networks/service.hpp"

/// Networks and endpoints as the state store keeps them.
namespace gantry::networks {
namespace {

using nlohmann::json;

template <class T>
void take(const json& record, const char* name, T& out) {
  if (const auto found = record.find(name); found != record.end() && !found->is_null()) out = found->get<T>();
}

json pools_json(const std::vector<network::v1::Pool>& pools) {
  json out = json::array();
  for (const auto& pool : pools) {
    out.push_back(
        {{"subnet", pool.subnet}, {"ip_range", pool.ip_range}, {"gateway", pool.gateway}, {"reserved", pool.reserved}});
  }
  return out;
}

std::vector<network::v1::Pool> read_pools(const json& record, const char* name) {
  std::vector<network::v1::Pool> pools;
  for (const json& entry : record.value(name, json::array())) {
    network::v1::Pool pool;
    take(entry, "subnet", pool.subnet);
    take(entry, "ip_range", pool.ip_range);
    take(entry, "gateway", pool.gateway);
    take(entry, "reserved", pool.reserved);
    pools.push_back(std::move(pool));
  }
  return pools;
}

json ports_json(const std::vector<network::v1::Port>& ports) {
  json out = json::array();
  for (const auto& port : ports) {
    out.push_back({port.protocol, port.container_port, port.host_ip, port.host_port, port.host_port_end});
  }
  return out;
}

std::vector<network::v1::Port> read_ports(const json& record, const char* name) {
  std::vector<network::v1::Port> ports;
  for (const json& entry : record.value(name, json::array())) {
    if (!entry.is_array() || entry.size() < 5) continue;
    ports.push_back({entry[0].get<std::string>(), entry[1].get<std::uint16_t>(), entry[2].get<std::string>(),
                     entry[3].get<std::uint16_t>(), entry[4].get<std::uint16_t>()});
  }
  return ports;
}

json request_json(const EndpointRequest& request) {
  return {{"network", request.network},
          {"aliases", request.aliases},
          {"links", request.links},
          {"ipv4", request.ipv4},
          {"ipv6", request.ipv6},
          {"mac", request.mac},
          {"options", request.options},
          {"priority", request.gateway_priority},
          {"link_local", request.link_local}};
}

EndpointRequest read_request(const json& record) {
  EndpointRequest request;
  take(record, "network", request.network);
  take(record, "aliases", request.aliases);
  take(record, "links", request.links);
  take(record, "ipv4", request.ipv4);
  take(record, "ipv6", request.ipv6);
  take(record, "mac", request.mac);
  take(record, "options", request.options);
  take(record, "priority", request.gateway_priority);
  take(record, "link_local", request.link_local);
  return request;
}

json result_json(const network::v1::Endpoint& result) {
  return {{"mac", result.mac},
          {"ipv4", result.ipv4},
          {"ipv4_prefix", result.ipv4_prefix},
          {"ipv4_gateway", result.ipv4_gateway},
          {"ipv6", result.ipv6},
          {"ipv6_prefix", result.ipv6_prefix},
          {"ipv6_gateway", result.ipv6_gateway},
          {"ports", ports_json(result.ports)}};
}

network::v1::Endpoint read_result(const json& record) {
  network::v1::Endpoint result;
  take(record, "mac", result.mac);
  take(record, "ipv4", result.ipv4);
  take(record, "ipv4_prefix", result.ipv4_prefix);
  take(record, "ipv4_gateway", result.ipv4_gateway);
  take(record, "ipv6", result.ipv6);
  take(record, "ipv6_prefix", result.ipv6_prefix);
  take(record, "ipv6_gateway", result.ipv6_gateway);
  result.ports = read_ports(record, "ports");
  return result;
}

}  // namespace

std::string to_record(const Network& network) {
  return json{{"id", network.id},
              {"name", network.name},
              {"driver", network.driver},
              {"options", network.options},
              {"labels", network.labels},
              {"pools", pools_json(network.pools)},
              {"chosen", pools_json(network.chosen)},
              {"interface", network.interface},
              {"created", network.created},
              {"internal", network.internal},
              {"no_way_out", network.no_way_out},
              {"attachable", network.attachable},
              {"ipv6", network.ipv6},
              {"ipv4", network.ipv4},
              {"ipam_driver", network.ipam_driver},
              {"ipam_options", network.ipam_options ? json(*network.ipam_options) : json(nullptr)},
              {"config_only", network.config_only},
              {"config_from", network.config_from}}
      .dump();
}

void from_record(const std::string& body, Network& network) {
  const json record = json::parse(body);
  take(record, "id", network.id);
  take(record, "name", network.name);
  take(record, "driver", network.driver);
  take(record, "options", network.options);
  take(record, "labels", network.labels);
  network.pools = read_pools(record, "pools");
  network.chosen = read_pools(record, "chosen");
  take(record, "interface", network.interface);
  take(record, "created", network.created);
  take(record, "internal", network.internal);
  take(record, "no_way_out", network.no_way_out);
  take(record, "attachable", network.attachable);
  take(record, "ipv6", network.ipv6);
  take(record, "ipv4", network.ipv4);
  take(record, "ipam_driver", network.ipam_driver);
  if (const auto given = record.find("ipam_options"); given != record.end() && !given->is_null()) {
    network.ipam_options = given->get<Options>();
  }
  take(record, "config_only", network.config_only);
  take(record, "config_from", network.config_from);
}

std::string to_record(const Endpoint& endpoint) {
  return json{{"id", endpoint.id},
              {"network_id", endpoint.network_id},
              {"network_name", endpoint.network_name},
              {"container_id", endpoint.container_id},
              {"container_name", endpoint.container_name},
              {"interface", endpoint.interface},
              {"default_gateway", endpoint.default_gateway},
              {"ports", ports_json(endpoint.ports)},
              {"request", request_json(endpoint.request)},
              {"result", result_json(endpoint.result)}}
      .dump();
}

void from_record(const std::string& body, Endpoint& endpoint) {
  const json record = json::parse(body);
  take(record, "id", endpoint.id);
  take(record, "network_id", endpoint.network_id);
  take(record, "network_name", endpoint.network_name);
  take(record, "container_id", endpoint.container_id);
  take(record, "container_name", endpoint.container_name);
  take(record, "interface", endpoint.interface);
  take(record, "default_gateway", endpoint.default_gateway);
  endpoint.ports = read_ports(record, "ports");
  endpoint.request = read_request(record.value("request", json::object()));
  endpoint.result = read_result(record.value("result", json::object()));
}

}  // namespace gantry::networks
