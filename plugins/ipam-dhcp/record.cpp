#include "record.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

namespace gantry::dhcp {
namespace {

std::string hex_of(const std::string& bytes) {
  std::string out;
  for (const unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    out += digits;
  }
  return out;
}

std::string bytes_of(const std::string& hex) {
  std::string out;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    out += static_cast<char>(std::strtoul(hex.substr(at, 2).c_str(), nullptr, 16));
  }
  return out;
}

std::uint32_t number_of(const std::string& text) {
  return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
}

void take(LeaseRecord& record, const std::string& key, const std::string& value) {
  Lease& lease = record.lease;
  if (key == "interface") record.client.interface = value;
  if (key == "mac") record.client.mac = mac_of(value).value_or(Mac{});
  if (key == "client") record.client.client_id = bytes_of(value);
  if (key == "hostname") record.client.hostname = value;
  if (key == "address") lease.address = address_of(value).value_or(0);
  if (key == "prefix") lease.prefix = static_cast<int>(number_of(value));
  if (key == "router") lease.router = address_of(value).value_or(0);
  if (key == "server") lease.server = address_of(value).value_or(0);
  if (key == "server-mac") lease.server_mac = mac_of(value).value_or(Mac{});
  if (key == "seconds") lease.seconds = number_of(value);
  if (key == "renew") lease.renew = number_of(value);
  if (key == "since") record.since = std::strtoll(value.c_str(), nullptr, 10);
}

}  // namespace

Records::Records(const std::filesystem::path& directory)
    : networks_(directory / "networks"), leases_(directory / "leases") {}

void Records::put(const NetworkRecord& record) const {
  net_link::check_id(record.id);
  networks_.put(record.id,
                "interface " + record.interface + "\nsubnet " + record.subnet + "\ngateway " + record.gateway + "\n");
}

void Records::put(const LeaseRecord& record) const {
  const Lease& lease = record.lease;
  leases_.put(net_link::endpoint_file(record.network_id, record.id),
              "interface " + record.client.interface + "\nmac " + text_of(record.client.mac) + "\nclient " +
                  hex_of(record.client.client_id) + "\nhostname " + record.client.hostname + "\naddress " +
                  text_of(lease.address) + "\nprefix " + std::to_string(lease.prefix) + "\nrouter " +
                  text_of(lease.router) + "\nserver " + text_of(lease.server) + "\nserver-mac " +
                  text_of(lease.server_mac) + "\nseconds " + std::to_string(lease.seconds) + "\nrenew " +
                  std::to_string(lease.renew) + "\nsince " + std::to_string(record.since) + "\n");
}

std::optional<NetworkRecord> Records::network(const std::string& id) const {
  net_link::check_id(id);
  NetworkRecord record{id, "", "", ""};
  const bool found = networks_.read(id, [&](const std::string& key, const std::string& value) {
    if (key == "interface") record.interface = value;
    if (key == "subnet") record.subnet = value;
    if (key == "gateway") record.gateway = value;
  });
  return found ? std::optional(record) : std::nullopt;
}

void Records::erase_network(const std::string& id) const {
  net_link::check_id(id);
  networks_.erase(id);
}

void Records::erase_lease(const std::string& network_id, const std::string& id) const {
  leases_.erase(net_link::endpoint_file(network_id, id));
}

std::vector<std::string> Records::networks() const { return networks_.names(); }

std::vector<LeaseRecord> Records::leases() const {
  std::vector<LeaseRecord> out;
  for (const auto& [network_id, id] : net_link::endpoint_ids(leases_)) {
    LeaseRecord record;
    record.id = id;
    record.network_id = network_id;
    const bool found =
        leases_.read(net_link::endpoint_file(network_id, id),
                     [&](const std::string& key, const std::string& value) { take(record, key, value); });
    if (found) out.push_back(std::move(record));
  }
  return out;
}

}  // namespace gantry::dhcp
