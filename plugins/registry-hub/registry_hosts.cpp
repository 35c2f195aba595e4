#include "registry_hosts.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace hub {
namespace {

std::optional<std::vector<unsigned char>> parse_address(const std::string& text) {
  std::vector<unsigned char> bytes(16);
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    bytes.resize(4);
    return bytes;
  }
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

bool in_range(const std::vector<unsigned char>& address, const std::vector<unsigned char>& base, unsigned prefix) {
  if (address.size() != base.size()) return false;
  for (std::size_t at = 0; at < base.size() && prefix > 0; ++at) {
    const unsigned bits = std::min(prefix, 8U);
    const auto mask = static_cast<unsigned char>(0xFF00U >> bits);
    if ((address[at] & mask) != (base[at] & mask)) return false;
    prefix -= bits;
  }
  return true;
}

}  // namespace

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
  ranges_.push_back({{127, 0, 0, 0}, 8});
  ranges_.push_back({*parse_address("::1"), 128});
  for (const std::string& item : items) {
    const auto slash = item.find('/');
    if (slash == std::string::npos) {
      names_.push_back(item);
      continue;
    }
    auto address = parse_address(item.substr(0, slash));
    unsigned prefix = 0;
    const char* end = item.data() + item.size();
    const auto [rest, error] = std::from_chars(item.data() + slash + 1, end, prefix);
    if (!address || error != std::errc{} || rest != end || prefix > address->size() * 8) {
      throw gantry::Error{gantry::Errc::invalid,
                          "insecure-registries: \"" + item + "\" is neither host, host:port nor CIDR (\"10.0.0.0/8\")"};
    }
    ranges_.push_back({std::move(*address), prefix});
  }
}

bool InsecureHosts::contains(std::string_view host) const {
  const std::string name = host_name(host);
  if (name == "localhost") return true;
  const auto listed = [&](const std::string& item) { return item == host || item == name; };
  if (std::any_of(names_.begin(), names_.end(), listed)) return true;
  const auto address = parse_address(name);
  if (!address) return false;
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return in_range(*address, range.address, range.prefix); });
}

}  // namespace hub
