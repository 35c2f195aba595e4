#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>

namespace gantry::net_link {

__extension__ typedef unsigned __int128 Uint128;

/// An IPv4 or IPv6 address as a number.
struct Address {
  int family{};  ///< AF_INET or AF_INET6.
  Uint128 value{};

  friend auto operator<=>(const Address&, const Address&) = default;

  [[nodiscard]] int bits() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::array<unsigned char, 16> bytes() const;  ///< Network order, from the start.
  [[nodiscard]] bool unspecified() const { return value == 0; }
};

std::optional<Address> parse_address(const std::string& text);
Address from_bytes(int family, const void* bytes);

/// A range of addresses that share their first `prefix` bits.
struct Subnet {
  Address base;
  int prefix{};

  friend bool operator==(const Subnet&, const Subnet&) = default;

  [[nodiscard]] Address last() const;
  [[nodiscard]] bool contains(const Address& address) const;
  [[nodiscard]] bool contains(const Subnet& other) const;
  [[nodiscard]] bool overlaps(const Subnet& other) const;
  [[nodiscard]] std::string text() const;
};

/// The subnet of `prefix` bits that an address is in.
Subnet subnet_of(const Address& address, int prefix);

/// An address with a prefix length: an interface's address, or a subnet's base.
struct Cidr {
  Address address;
  int prefix{};

  [[nodiscard]] Subnet subnet() const { return subnet_of(address, prefix); }
};

std::optional<Cidr> parse_cidr(const std::string& text);

}  // namespace gantry::net_link
