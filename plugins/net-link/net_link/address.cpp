#include "net_link/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>

namespace gantry::net_link {
namespace {

/// The bits that a subnet leaves to its hosts.
Uint128 host_mask(int family, int prefix) {
  const int host_bits = (family == AF_INET ? 32 : 128) - prefix;
  return host_bits == 128 ? ~Uint128{0} : (Uint128{1} << host_bits) - 1;
}

}  // namespace

int Address::bits() const { return family == AF_INET ? 32 : 128; }

std::array<unsigned char, 16> Address::bytes() const {
  std::array<unsigned char, 16> out{};
  const int count = bits() / 8;
  for (int i = 0; i < count; ++i) {
    out[static_cast<std::size_t>(i)] = static_cast<unsigned char>((value >> (8 * (count - 1 - i))) & 0xff);
  }
  return out;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(family, bytes().data(), buffer.data(), buffer.size());
  return buffer.data();
}

Address from_bytes(int family, const void* bytes) {
  const auto* octets = static_cast<const unsigned char*>(bytes);
  Address address{family, 0};
  for (int i = 0; i < address.bits() / 8; ++i) address.value = address.value << 8 | octets[i];
  return address;
}

std::optional<Address> parse_address(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  const int family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (text.find('\0') != std::string::npos || ::inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  return from_bytes(family, bytes.data());
}

Address Subnet::last() const { return {base.family, base.value | host_mask(base.family, prefix)}; }

bool Subnet::contains(const Address& address) const {
  return address.family == base.family && address >= base && address <= last();
}

bool Subnet::contains(const Subnet& other) const { return other.prefix >= prefix && contains(other.base); }

bool Subnet::overlaps(const Subnet& other) const { return contains(other.base) || other.contains(base); }

std::string Subnet::text() const { return base.text() + "/" + std::to_string(prefix); }

Subnet subnet_of(const Address& address, int prefix) {
  return {{address.family, address.value & ~host_mask(address.family, prefix)}, prefix};
}

std::optional<Cidr> parse_cidr(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = parse_address(text.substr(0, slash));
  int prefix = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, prefix);
  if (!address || error != std::errc{} || stop != end || prefix < 0 || prefix > address->bits()) return std::nullopt;
  return Cidr{*address, prefix};
}

}  // namespace gantry::net_link
