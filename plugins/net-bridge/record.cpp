#include "record.hpp"

#include <sys/socket.h>

#include <sstream>

namespace gantry::bridge {
namespace {

network::v1::Port read_port(const std::string& text) {
  network::v1::Port port;
  std::istringstream words(text);
  words >> port.protocol >> port.container_port >> port.host_ip >> port.host_port;
  return port;
}

std::string family_name(int family) { return family == AF_INET ? "ipv4" : "ipv6"; }

}  // namespace

Records::Records(const std::filesystem::path& directory)
    : networks_(directory / "networks"), endpoints_(directory / "endpoints"), forwarding_(directory / "forwarding") {}

void Records::put(const NetworkRecord& record) const {
  check_id(record.id);
  std::string text = "interface " + record.interface + "\nowned " + (record.owned ? "1" : "0") + "\n";
  for (const network::v1::Pool& pool : record.pools) text += "pool " + pool.subnet + " " + pool.gateway + "\n";
  networks_.put(record.id, text);
}

std::string text(const EndpointRecord& record) {
  std::ostringstream out;
  out << "interface " << record.interface << "\nsandbox_interface " << record.sandbox_interface << "\nmac "
      << record.mac << "\nipv4 " << record.ipv4 << "\nipv6 " << record.ipv6 << "\n";
  for (const network::v1::Port& port : record.ports) {
    out << "port " << port.protocol << ' ' << port.container_port << ' ' << port.host_ip << ' ' << port.host_port
        << "\n";
  }
  for (const std::string& address : record.link_local) out << "link_local " << address << "\n";
  if (record.guarded) out << "firewall host\n";
  if (record.anti_spoofing) out << "sender own\n";
  for (const std::string& interface : record.trusted) out << "trusted " << interface << "\n";
  if (!record.joined.empty()) out << "joined " << record.joined << "\n";
  return out.str();
}

void Records::put(const EndpointRecord& record) const {
  endpoints_.put(endpoint_file(record.network_id, record.id), text(record));
}

void Records::note_joined(const EndpointRecord& record) const {
  endpoints_.add(endpoint_file(record.network_id, record.id), "joined " + record.joined);
}

std::optional<NetworkRecord> Records::network(const std::string& id) const {
  check_id(id);
  NetworkRecord record{id, "", false, {}};
  const bool found = networks_.read(id, [&](const std::string& key, const std::string& value) {
    if (key == "interface") record.interface = value;
    if (key == "owned") record.owned = value == "1";
    if (key == "pool")
      record.pools.push_back({value.substr(0, value.find(' ')), "", value.substr(value.find(' ') + 1), {}});
  });
  return found ? std::optional(record) : std::nullopt;
}

std::optional<EndpointRecord> Records::endpoint(const std::string& network_id, const std::string& id) const {
  EndpointRecord record;
  record.id = id;
  record.network_id = network_id;
  const std::string file = endpoint_file(network_id, id);
  const bool found = endpoints_.read(file, [&](const std::string& key, const std::string& value) {
    if (key == "interface") record.interface = value;
    if (key == "sandbox_interface") record.sandbox_interface = value;
    if (key == "mac") record.mac = value;
    if (key == "ipv4") record.ipv4 = value;
    if (key == "ipv6") record.ipv6 = value;
    if (key == "port") record.ports.push_back(read_port(value));
    if (key == "link_local") record.link_local.push_back(value);
    if (key == "firewall") record.guarded = value == "host";
    if (key == "sender") record.anti_spoofing = value == "own";
    if (key == "trusted") record.trusted.push_back(value);
    if (key == "joined") record.joined = value;
  });
  return found ? std::optional(record) : std::nullopt;
}

void Records::erase_network(const std::string& id) const {
  check_id(id);
  networks_.erase(id);
}

void Records::erase_endpoint(const std::string& network_id, const std::string& id) const {
  endpoints_.erase(endpoint_file(network_id, id));
}

void Records::note_forwarding(int family) const { forwarding_.put(family_name(family), "by driver\n"); }

void Records::forget_forwarding(int family) const { forwarding_.erase(family_name(family)); }

bool Records::switched_forwarding(int family) const {
  return forwarding_.read(family_name(family), [](const std::string&, const std::string&) {});
}

std::vector<std::string> Records::networks() const { return networks_.names(); }

std::vector<std::pair<std::string, std::string>> Records::endpoints() const { return endpoint_ids(endpoints_); }

}  // namespace gantry::bridge
