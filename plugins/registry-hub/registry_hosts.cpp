#include "registry_hosts.hpp"

#include <algorithm>

#include "connection.hpp"
#include "gantry/error.hpp"
#include "resolver.hpp"

namespace hub {
std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    std::string item{text.substr(0, comma)};
    std::erase_if(item, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
    if (!item.empty()) out.push_back(std::move(item));
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

std::string serving_host(const std::string& host) {
  return host == "docker.io" || host == "index.docker.io" ? "registry-1.docker.io" : host;
}

std::string host_name(std::string_view host) {
  if (host.starts_with('[')) return std::string{host.substr(1, host.find(']') - 1)};
  return std::string{host.substr(0, host.find(':'))};
}

InsecureHosts::InsecureHosts(const std::vector<std::string>& items) {
  ranges_ = {*parse_range("127.0.0.0/8"), *parse_range("::1/128")};
  for (const std::string& item : items) {
    if (item.find('/') == std::string::npos) {
      names_.push_back(item);
      continue;
    }
    const auto range = parse_range(item);
    if (!range) {
      throw gantry::Error{gantry::Errc::invalid,
                          "insecure-registries: \"" + item + "\" is neither host, host:port nor CIDR (\"10.0.0.0/8\")"};
    }
    ranges_.push_back(*range);
  }
}

bool InsecureHosts::in_range(const std::string& address) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const AddressRange& range) { return range.contains(address); });
}

bool InsecureHosts::contains(std::string_view host) const {
  const std::string name = host_name(host);
  if (name == "localhost") return true;
  const auto listed = [&](const std::string& item) { return item == host || item == name; };
  if (std::any_of(names_.begin(), names_.end(), listed)) return true;
  return in_range(name);
}

bool InsecureHosts::contains_address_of(std::string_view host, const gantry::Call& call) const {
  try {
    const std::vector<Address> addresses = resolve(host_name(host), "443", call);
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const Address& address) { return in_range(host_name(address.text)); });
  } catch (const TransportError&) {
    return false;
  }
}

}  // namespace hub
