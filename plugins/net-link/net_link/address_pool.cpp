#include "net_link/address_pool.hpp"

#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>

#include "gantry/error.hpp"

namespace gantry::net_link {

AddressPool::AddressPool(Subnet subnet, std::optional<Subnet> range)
    : subnet_(subnet), range_(range.value_or(subnet)), lowest_(range_.base) {}

bool AddressPool::reserved(const Address& address) const {
  const int host_bits = subnet_.base.bits() - subnet_.prefix;
  if (host_bits < 2) return false;  // RFC 3021: both addresses of a /31 are hosts
  if (address == subnet_.base) return true;
  return subnet_.base.family == AF_INET && address == subnet_.last();
}

std::optional<Address> AddressPool::next() const {
  for (Address candidate = lowest_; range_.contains(candidate); ++candidate.value) {
    if (!reserved(candidate) && !taken_.contains(candidate)) return candidate;
    if (candidate == range_.last()) break;
  }
  return std::nullopt;
}

std::optional<Address> AddressPool::take() {
  const auto found = next();
  if (!found) return std::nullopt;
  taken_.insert(*found);
  lowest_ = *found;
  return found;
}

bool AddressPool::take(const Address& address) {
  if (!subnet_.contains(address) || reserved(address)) return false;
  return taken_.insert(address).second;
}

void AddressPool::release(const Address& address) {
  taken_.erase(address);
  if (range_.contains(address)) lowest_ = std::min(lowest_, address);
}

std::vector<SubnetSource> default_sources() {
  std::vector<SubnetSource> sources;
  for (const char* base :
       {"172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14"}) {
    sources.push_back({parse_cidr(base)->subnet(), 16});
  }
  sources.push_back({parse_cidr("192.168.0.0/16")->subnet(), 20});
  return sources;
}

std::optional<SubnetSource> parse_source(const std::string& text) {
  const auto base_at = text.find("base=");
  const auto size_at = text.find("size=");
  if (base_at == std::string::npos || size_at == std::string::npos) return std::nullopt;
  const auto base_text = text.substr(base_at + 5, text.find_first_of(" ,", base_at) - base_at - 5);
  const auto base = parse_cidr(base_text);
  int size = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data() + size_at + 5, end, size).ec != std::errc{}) return std::nullopt;
  if (!base || size < base->prefix || size > base->address.bits()) return std::nullopt;
  return SubnetSource{base->subnet(), size};
}

std::optional<Subnet> choose_subnet(const std::vector<SubnetSource>& sources, int family,
                                    const std::vector<Subnet>& used) {
  for (const SubnetSource& source : sources) {
    if (source.base.base.family != family) continue;
    Subnet candidate{source.base.base, source.size};
    while (source.base.contains(candidate)) {
      const auto clash =
          std::find_if(used.begin(), used.end(), [&](const Subnet& other) { return other.overlaps(candidate); });
      if (clash == used.end()) return candidate;
      // Go on behind whatever is in the way: a used range may be larger than one subnet.
      const Address behind = std::max(candidate.last(), clash->last());
      if (behind >= source.base.last()) break;
      candidate = subnet_of({family, behind.value + 1}, source.size);
      if (candidate.base <= behind) candidate = subnet_of({family, candidate.last().value + 1}, source.size);
    }
  }
  return std::nullopt;
}

Subnet unique_local_prefix(const std::string& machine_id) {
  std::array<unsigned char, 16> bytes{};
  // machine-id(5): it is not to be shown as it is.
  std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : "gantry unique local prefix " + machine_id) {
    digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  for (std::size_t i = 1; i < 6; ++i) bytes[i] = static_cast<unsigned char>(digest >> (8 * i));
  if (machine_id.empty() && ::getrandom(bytes.data(), 6, 0) != 6) {
    throw Error{Errc::io, "no random numbers for an IPv6 subnet"};
  }
  bytes[0] = 0xfd;
  return subnet_of(from_bytes(AF_INET6, bytes.data()), 48);
}

std::string machine_id() {
  std::ifstream file("/etc/machine-id");
  std::string id;
  file >> id;
  return id;
}

}  // namespace gantry::net_link
