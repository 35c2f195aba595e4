#include "net_parent/record.hpp"

#include <cstdlib>

namespace gantry::net_parent {

Records::Records(const std::filesystem::path& directory)
    : networks_(directory / "networks"), endpoints_(directory / "endpoints") {}

void Records::put(const NetworkRecord& record) const {
  net_link::check_id(record.id);
  std::string text = "parent " + record.parent + "\nowned " + (record.owned ? "1" : "0") + "\n";
  for (const network::v1::Pool& pool : record.pools) text += "pool " + pool.subnet + " " + pool.gateway + "\n";
  networks_.put(record.id, text);
}

void Records::put(const EndpointRecord& record) const {
  endpoints_.put(net_link::endpoint_file(record.network_id, record.id),
                 "interface " + record.interface + "\nmac " + record.mac + "\nipv4 " + record.ipv4 + "\nipv6 " +
                     record.ipv6 + "\nsandbox " + std::to_string(record.sandbox) + "\n");
}

std::optional<NetworkRecord> Records::network(const std::string& id) const {
  net_link::check_id(id);
  NetworkRecord record{id, "", false, {}};
  const bool found = networks_.read(id, [&](const std::string& key, const std::string& value) {
    const auto space = value.find(' ');
    if (key == "parent") record.parent = value;
    if (key == "owned") record.owned = value == "1";
    if (key == "pool" && space != std::string::npos) {
      record.pools.push_back({value.substr(0, space), "", value.substr(space + 1), {}});
    }
  });
  return found ? std::optional(record) : std::nullopt;
}

std::optional<EndpointRecord> Records::endpoint(const std::string& network_id, const std::string& id) const {
  EndpointRecord record;
  record.id = id;
  record.network_id = network_id;
  const std::string file = net_link::endpoint_file(network_id, id);
  const bool found = endpoints_.read(file, [&](const std::string& key, const std::string& value) {
    if (key == "interface") record.interface = value;
    if (key == "mac") record.mac = value;
    if (key == "ipv4") record.ipv4 = value;
    if (key == "ipv6") record.ipv6 = value;
    if (key == "sandbox") record.sandbox = std::strtoull(value.c_str(), nullptr, 10);
  });
  return found ? std::optional(record) : std::nullopt;
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

}  // namespace gantry::net_parent
