#include "networks/address_block.hpp"

#include <arpa/inet.h>

#include <charconv>

namespace gantry::networks {
namespace {

int bits_of(int family) { return family == AF_INET ? 32 : 128; }

}  // namespace

std::optional<GivenAddress> parse_given(const std::string& text) {
  GivenAddress out{AF_INET, {}};
  if (::inet_pton(AF_INET, text.c_str(), out.bytes.data()) == 1) return out;
  out = {AF_INET6, {}};
  if (::inet_pton(AF_INET6, text.c_str(), out.bytes.data()) == 1) return out;
  return std::nullopt;
}

std::optional<GivenBlock> parse_block(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto address = parse_given(text.substr(0, slash));
  const std::string length = text.substr(slash + 1);
  int prefix = -1;
  const auto [end, failed] = std::from_chars(length.data(), length.data() + length.size(), prefix);
  const bool plain = !length.empty() && end == length.data() + length.size() && failed == std::errc{} &&
                     length.find_first_not_of("0123456789") == std::string::npos &&
                     (length == "0" || length.front() != '0');
  if (!address || !plain || prefix > bits_of(address->family)) return std::nullopt;
  return GivenBlock{*address, prefix};
}

GivenAddress masked(GivenAddress address, int prefix) {
  for (int bit = prefix; bit < 128; ++bit) {
    address.bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  }
  return address;
}

std::string text_of(const GivenAddress& address, int prefix) {
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(address.family, address.bytes.data(), text, sizeof text);
  return std::string{text} + "/" + std::to_string(prefix);
}

bool is_masked(const GivenBlock& block) { return masked(block.address, block.prefix).bytes == block.address.bytes; }

bool contains_address(const GivenBlock& block, const GivenAddress& address) {
  return masked(address, block.prefix).bytes == masked(block.address, block.prefix).bytes;
}

}  // namespace gantry::networks
