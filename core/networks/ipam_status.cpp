#include "networks/ipam_status.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <set>

namespace gantry::networks {
namespace {

__extension__ typedef unsigned __int128 Wide;

struct Range {
  Wide first{};
  Wide last{};
  bool ipv6{};

  [[nodiscard]] bool contains(Wide address) const { return address >= first && address <= last; }
};

std::optional<Wide> number_of(const std::string& text, bool ipv6) {
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(ipv6 ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) != 1) return std::nullopt;
  Wide value = 0;
  for (std::size_t i = 0; i < (ipv6 ? 16U : 4U); ++i) value = value << 8 | bytes[i];
  return value;
}

std::optional<Range> range_of(const std::string& cidr) {
  const auto slash = cidr.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const bool ipv6 = cidr.find(':') != std::string::npos;
  const auto base = number_of(cidr.substr(0, slash), ipv6);
  int prefix = -1;
  std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), prefix);
  const int host_bits = (ipv6 ? 128 : 32) - prefix;
  if (!base || prefix < 0 || host_bits < 0) return std::nullopt;
  const Wide mask = host_bits == 128 ? ~Wide{0} : (Wide{1} << host_bits) - 1;
  return Range{*base & ~mask, *base | mask, ipv6};
}

std::uint64_t saturated(Wide value) {
  return value > std::numeric_limits<std::uint64_t>::max() ? std::numeric_limits<std::uint64_t>::max()
                                                           : static_cast<std::uint64_t>(value);
}

/// The addresses of a subnet that are somebody's.
std::set<Wide> taken(const network::v1::Pool& pool, const Range& subnet, const std::vector<Endpoint>& members) {
  std::set<Wide> out;
  const auto add = [&](const std::string& text) {
    const auto address = number_of(text, subnet.ipv6);
    if (address && subnet.contains(*address)) out.insert(*address);
  };
  if (subnet.last - subnet.first > 1) {
    out.insert(subnet.first);
    if (!subnet.ipv6) out.insert(subnet.last);
  }
  add(pool.gateway);
  for (const auto& [name, address] : pool.reserved) add(address);
  for (const Endpoint& endpoint : members) add(subnet.ipv6 ? endpoint.result.ipv6 : endpoint.result.ipv4);
  return out;
}

}  // namespace

std::vector<SubnetStatus> ipam_status(const Network& network, const std::vector<Endpoint>& members) {
  std::vector<SubnetStatus> out;
  for (const auto& pool : network.chosen) {
    const auto subnet = range_of(pool.subnet);
    if (!subnet) continue;
    const Range given = range_of(pool.ip_range).value_or(*subnet);
    const std::set<Wide> used = taken(pool, *subnet, members);
    const auto inside = std::count_if(used.begin(), used.end(), [&](Wide address) { return given.contains(address); });
    // All of ::/0 are 2^128: one too many for the number.
    const Wide but_one = given.last - given.first;
    const Wide count = inside > 0 ? but_one - static_cast<Wide>(inside - 1) : but_one;
    out.push_back(
        {pool.subnet, saturated(used.size()), saturated(inside > 0 ? count : count + (count < ~Wide{0} ? 1 : 0))});
  }
  return out;
}

}  // namespace gantry::networks
