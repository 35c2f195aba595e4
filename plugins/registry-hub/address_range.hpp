#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hub {

/// An IPv4 or IPv6 network.
struct AddressRange {
  std::vector<unsigned char> address;  ///< 4 or 16 bytes.
  unsigned prefix{};                   ///< Bits.

  /// `text` is an address of the range; false for a name.
  [[nodiscard]] bool contains(const std::string& text) const;
};

/// "10.0.0.0/8", "fd00::/8", or one address. None for anything else.
std::optional<AddressRange> parse_range(const std::string& text);

}  // namespace hub
