#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "networks/address_block.hpp"
#include "networks/impl.hpp"

/// Whether what a user asks for a container's place on a network makes sense; in dockerd's words.
namespace gantry::networks {
namespace {

constexpr const char* kInterfaceName = "com.docker.network.endpoint.ifname";

bool is_usable(int family, const std::string& text) {
  const auto address = parse_given(text);
  return address && address->family == family && address->bytes != decltype(address->bytes){};
}

bool contains(const std::string& subnet, int family, const std::string& text) {
  const auto block = parse_block(subnet);
  const auto address = parse_given(text);
  return block && address && address->family == family && block->address.family == family &&
         contains_address(*block, *address);
}

// "02:42:ac:11:00:02", or none.
bool is_mac(const std::string& text) {
  if (text.empty()) return true;
  if (text.size() != 17) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool right =
        at % 3 == 2 ? text[at] == ':' || text[at] == '-' : std::isxdigit(static_cast<unsigned char>(text[at])) != 0;
    if (!right) return false;
  }
  return true;
}

bool is_interface_name(const std::string& name) {
  return !name.empty() && name.size() <= 15 && name != "." && name != ".." && name != "lo" &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

/// Addresses by name are for networks whose subnet the user has chosen.
std::optional<std::string> out_of_range(const Network& network, int family, const std::string& address) {
  if (address.empty()) return std::nullopt;
  bool configured = false;
  for (const auto& pool : network.pools) {
    if ((pool.subnet.find(':') != std::string::npos) != (family == AF_INET6) || pool.subnet.empty()) continue;
    if (contains(pool.subnet, family, address)) return std::nullopt;
    configured = true;
  }
  if (configured) return "no configured subnet or ip-range contain the IP address " + address;
  return "user specified IP address is supported only when connecting to networks with user configured subnets";
}

std::vector<std::string> complaints(const Network* network, const EndpointRequest& asked) {
  std::vector<std::string> out;
  if (Service::predefined(asked.network)) {
    if (!asked.ipv4.empty() || !asked.ipv6.empty()) {
      out.emplace_back("user specified IP address is supported on user defined networks only");
    }
    if (!asked.aliases.empty()) {
      out.emplace_back("network-scoped alias is supported only for containers in user defined networks");
    }
  }
  if (!asked.ipv4.empty() && !is_usable(AF_INET, asked.ipv4)) out.push_back("invalid IPv4 address: " + asked.ipv4);
  if (!asked.ipv6.empty() && !is_usable(AF_INET6, asked.ipv6)) out.push_back("invalid IPv6 address: " + asked.ipv6);
  for (const std::string& address : asked.link_local) {
    if (is_usable(AF_INET, address) || is_usable(AF_INET6, address)) continue;
    out.push_back("invalid link-local IP address:" + (address.empty() ? "" : " " + address));
  }
  if (asked.options.contains(kInterfaceName) && !is_interface_name(asked_interface(asked))) {
    out.push_back("invalid interface name \"" + asked_interface(asked) +
                  "\": 1 to 15 letters, digits, '-', '_' or '.' are possible");
  }
  if (network == nullptr) return out;
  if (auto wrong = out_of_range(*network, AF_INET, asked.ipv4)) out.push_back(std::move(*wrong));
  if (auto wrong = out_of_range(*network, AF_INET6, asked.ipv6)) out.push_back(std::move(*wrong));
  return out;
}

}  // namespace

std::string asked_interface(const EndpointRequest& asked) {
  const auto found = asked.options.find(kInterfaceName);
  return found == asked.options.end() ? "" : found->second;
}

void check_link_local(const EndpointRequest& asked) {
  for (const std::string& address : asked.link_local) {
    const bool ipv6 = address.find(':') != std::string::npos;
    if (contains(ipv6 ? "fe80::/10" : "169.254.0.0/16", ipv6 ? AF_INET6 : AF_INET, address)) continue;
    throw Error{Errc::invalid, "invalid link local IP address: " + address};
  }
}

void check_endpoint(const Network* network, const EndpointRequest& asked) {
  if (!is_mac(asked.mac)) throw Error{Errc::invalid, "invalid MAC address " + asked.mac};
  const std::vector<std::string> found = complaints(network, asked);
  if (found.empty()) return;
  std::string message = "invalid endpoint settings:";
  for (const std::string& complaint : found) message += (found.size() > 1 ? "\n* " : "\n") + complaint;
  throw Error{Errc::invalid, message};
}

void Service::check(const EndpointRequest& asked) const {
  auto network = impl_->find_name(asked.network);
  if (!network) network = impl_->networks.find(asked.network);
  check_endpoint(network.get(), asked);
}

}  // namespace gantry::networks
