#include "record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::bridge {
namespace {

constexpr const char* kUnfinished = ".new";

[[noreturn]] void fail(const std::string& path) { throw Error{Errc::io, path + ": " + std::strerror(errno)}; }

void replace_file(const std::filesystem::path& path, const std::string& content) {
  const std::string unfinished = path.string() + kUnfinished;
  const UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) fail(unfinished);
  if (::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) fail(unfinished);
  if (::rename(unfinished.c_str(), path.c_str()) != 0) fail(path);
}

void erase_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path);
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() != kUnfinished) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Calls `visit(key, rest of the line)` for each line; false if there is no such file.
template <class Visit>
bool read_lines(const std::filesystem::path& path, Visit visit) {
  std::ifstream file(path);
  if (!file) return false;
  for (std::string line; std::getline(file, line);) {
    const auto space = line.find(' ');
    if (space != std::string::npos) visit(line.substr(0, space), line.substr(space + 1));
  }
  return true;
}

std::string file_name(const std::string& network_id, const std::string& id) {
  check_id(network_id);
  check_id(id);
  return network_id + "-" + id;
}

network::v1::Port read_port(const std::string& text) {
  network::v1::Port port;
  std::istringstream words(text);
  words >> port.protocol >> port.container_port >> port.host_ip >> port.host_port;
  return port;
}

}  // namespace

void check_id(const std::string& id) {
  const bool hex =
      std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (id.size() < 12 || id.size() > 64 || !hex) {
    throw Error{Errc::invalid, "an id of 12 to 64 hex digits was expected, not \"" + id + "\""};
  }
}

Records::Records(const std::filesystem::path& directory)
    : networks_(directory / "networks"), endpoints_(directory / "endpoints") {
  std::error_code error;
  std::filesystem::create_directories(networks_, error);
  if (!error) std::filesystem::create_directories(endpoints_, error);
  if (error) throw Error{Errc::io, directory.string() + ": " + error.message()};
}

void Records::put(const NetworkRecord& record) const {
  check_id(record.id);
  std::string text = "interface " + record.interface + "\nowned " + (record.owned ? "1" : "0") + "\n";
  for (const network::v1::Pool& pool : record.pools) text += "pool " + pool.subnet + " " + pool.gateway + "\n";
  replace_file(networks_ / record.id, text);
}

void Records::put(const EndpointRecord& record) const {
  std::ostringstream text;
  text << "interface " << record.interface << "\nsandbox_interface " << record.sandbox_interface << "\nmac "
       << record.mac << "\nipv4 " << record.ipv4 << "\nipv6 " << record.ipv6 << "\n";
  for (const network::v1::Port& port : record.ports) {
    text << "port " << port.protocol << ' ' << port.container_port << ' ' << port.host_ip << ' ' << port.host_port
         << "\n";
  }
  for (const std::string& address : record.link_local) text << "link_local " << address << "\n";
  if (record.guarded) text << "firewall host\n";
  for (const std::string& interface : record.trusted) text << "trusted " << interface << "\n";
  replace_file(endpoints_ / file_name(record.network_id, record.id), text.str());
}

std::optional<NetworkRecord> Records::network(const std::string& id) const {
  check_id(id);
  NetworkRecord record{id, "", false, {}};
  const bool found = read_lines(networks_ / id, [&](const std::string& key, const std::string& value) {
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
  const auto path = endpoints_ / file_name(network_id, id);
  const bool found = read_lines(path, [&](const std::string& key, const std::string& value) {
    if (key == "interface") record.interface = value;
    if (key == "sandbox_interface") record.sandbox_interface = value;
    if (key == "mac") record.mac = value;
    if (key == "ipv4") record.ipv4 = value;
    if (key == "ipv6") record.ipv6 = value;
    if (key == "port") record.ports.push_back(read_port(value));
    if (key == "link_local") record.link_local.push_back(value);
    if (key == "firewall") record.guarded = value == "host";
    if (key == "trusted") record.trusted.push_back(value);
  });
  return found ? std::optional(record) : std::nullopt;
}

void Records::erase_network(const std::string& id) const {
  check_id(id);
  erase_file(networks_ / id);
}

void Records::erase_endpoint(const std::string& network_id, const std::string& id) const {
  erase_file(endpoints_ / file_name(network_id, id));
}

std::vector<std::string> Records::networks() const { return names_in(networks_); }

std::vector<std::pair<std::string, std::string>> Records::endpoints() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& name : names_in(endpoints_)) {
    const auto dash = name.find('-');
    if (dash != std::string::npos) out.emplace_back(name.substr(0, dash), name.substr(dash + 1));
  }
  return out;
}

}  // namespace gantry::bridge
