#include "record.hpp"

#include <nlohmann/json.hpp>

namespace gantry::ipam_plugin {
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
  return out.is_array() ? std::optional(out) : std::nullopt;
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

void Records::put_pools(const std::string& network_id, const std::vector<PoolRecord>& pools) const {
  net_link::check_id(network_id);
  json out = json::array();
  for (const PoolRecord& pool : pools) {
    out.push_back({{"id", pool.id},
                   {"subnet", pool.subnet},
                   {"range", pool.range},
                   {"gateway", pool.gateway},
                   {"given", pool.gateway_is_given},
                   {"reserved", pool.reserved}});
  }
  networks_.put(network_id, line(out));
}

void Records::put_addresses(const std::string& network_id, const std::string& endpoint_id,
                            const std::vector<Given>& addresses) const {
  json out = json::array();
  for (const Given& given : addresses) out.push_back({given.pool_id, given.address});
  endpoints_.put(net_link::endpoint_file(network_id, endpoint_id), line(out));
}

std::optional<std::vector<PoolRecord>> Records::pools(const std::string& network_id) const {
  net_link::check_id(network_id);
  const auto found = read(networks_, network_id);
  if (!found) return std::nullopt;
  std::vector<PoolRecord> out;
  for (const json& pool : *found) {
    out.push_back({pool.value("id", ""), pool.value("subnet", ""), pool.value("range", ""), pool.value("gateway", ""),
                   pool.value("given", false),
                   pool.value("reserved", std::vector<std::pair<std::string, std::string>>{})});
  }
  return out;
}

std::optional<std::vector<Given>> Records::addresses(const std::string& network_id,
                                                     const std::string& endpoint_id) const {
  const auto found = read(endpoints_, net_link::endpoint_file(network_id, endpoint_id));
  if (!found) return std::nullopt;
  std::vector<Given> out;
  for (const json& given : *found) out.push_back({given.at(0).get<std::string>(), given.at(1).get<std::string>()});
  return out;
}

void Records::erase_pools(const std::string& network_id) const {
  net_link::check_id(network_id);
  networks_.erase(network_id);
}

void Records::erase_addresses(const std::string& network_id, const std::string& endpoint_id) const {
  endpoints_.erase(net_link::endpoint_file(network_id, endpoint_id));
}

std::vector<std::string> Records::networks() const { return networks_.names(); }

std::vector<std::pair<std::string, std::string>> Records::endpoints() const {
  return net_link::endpoint_ids(endpoints_);
}

}  // namespace gantry::ipam_plugin
