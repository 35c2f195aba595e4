#include "record.hpp"

#include <nlohmann/json.hpp>

namespace gantry::net_plugin {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kNetworks = "networks";
constexpr const char* kEndpoints = "endpoints";
constexpr const char* kKey = "json";

std::string line(const json& record) {
  return std::string(kKey) + " " + record.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::optional<json> read(const net_link::RecordFolder& folder, const std::string& name) {
  json out;
  folder.read(name, [&](const std::string& key, const std::string& value) {
    if (key == kKey) out = json::parse(value, nullptr, false);
  });
  return out.is_object() ? std::optional(out) : std::nullopt;
}

}  // namespace

Records::Records(const fs::path& directory) : networks_(directory / kNetworks), endpoints_(directory / kEndpoints) {}

bool Records::exist_in(const fs::path& directory) {
  std::error_code missing;
  for (const char* part : {kNetworks, kEndpoints}) {
    if (fs::directory_iterator(directory / part, missing) != fs::directory_iterator{} && !missing) return true;
  }
  return false;
}

void Records::put(const NetworkRecord& record) const {
  net_link::check_id(record.id);
  json pools = json::array();
  for (const auto& pool : record.pools) {
    pools.push_back(
        {{"subnet", pool.subnet}, {"range", pool.ip_range}, {"gateway", pool.gateway}, {"reserved", pool.reserved}});
  }
  networks_.put(record.id,
                line({{"name", record.name}, {"internal", record.internal}, {"ipv6", record.ipv6}, {"pools", pools}}));
}

void Records::put(const EndpointRecord& record) const {
  json routes = json::array();
  for (const StaticRoute& route : record.routes) routes.push_back({route.destination, route.next_hop});
  endpoints_.put(net_link::endpoint_file(record.network_id, record.id), line({{"mac", record.mac},
                                                                              {"ipv4", record.ipv4},
                                                                              {"ipv6", record.ipv6},
                                                                              {"joined", record.joined},
                                                                              {"external", record.external},
                                                                              {"source", record.source},
                                                                              {"interface", record.interface},
                                                                              {"gateway4", record.gateway4},
                                                                              {"gateway6", record.gateway6},
                                                                              {"routes", routes},
                                                                              {"sandbox", record.sandbox}}));
}

std::optional<NetworkRecord> Records::network(const std::string& id) const {
  net_link::check_id(id);
  const auto found = read(networks_, id);
  if (!found) return std::nullopt;
  NetworkRecord record{id, found->value("name", ""), found->value("internal", false), found->value("ipv6", false), {}};
  for (const json& pool : found->value("pools", json::array())) {
    record.pools.push_back({pool.value("subnet", ""), pool.value("range", ""), pool.value("gateway", ""),
                            pool.value("reserved", std::vector<std::pair<std::string, std::string>>{})});
  }
  return record;
}

std::optional<EndpointRecord> Records::endpoint(const std::string& network_id, const std::string& id) const {
  const auto found = read(endpoints_, net_link::endpoint_file(network_id, id));
  if (!found) return std::nullopt;
  EndpointRecord record;
  record.id = id;
  record.network_id = network_id;
  record.mac = found->value("mac", "");
  record.ipv4 = found->value("ipv4", "");
  record.ipv6 = found->value("ipv6", "");
  record.joined = found->value("joined", false);
  record.external = found->value("external", false);
  record.source = found->value("source", "");
  record.interface = found->value("interface", "");
  record.gateway4 = found->value("gateway4", "");
  record.gateway6 = found->value("gateway6", "");
  record.sandbox = found->value("sandbox", std::uint64_t{0});
  for (const json& route : found->value("routes", json::array())) {
    record.routes.push_back({route.at(0).get<std::string>(), route.at(1).get<std::string>()});
  }
  return record;
}

void Records::erase_network(const std::string& id) const {
  net_link::check_id(id);
  networks_.erase(id);
}

void Records::erase_endpoint(const std::string& network_id, const std::string& id) const {
  endpoints_.erase(net_link::endpoint_file(network_id, id));
}

std::vector<std::string> Records::networks() const { return networks_.names(); }

std::vector<std::pair<std::string, std::string>> Records::endpoints() const {
  return net_link::endpoint_ids(endpoints_);
}

}  // namespace gantry::net_plugin
