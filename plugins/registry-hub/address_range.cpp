#include "address_range.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace hub {
namespace {

std::vector<unsigned char> parse_address(const std::string& text) {
  std::vector<unsigned char> bytes(16);
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

}  // namespace

bool AddressRange::contains(const std::string& text) const {
  const std::vector<unsigned char> other = parse_address(text);
  if (other.size() != address.size()) return false;
  unsigned left = prefix;
  for (std::size_t at = 0; at < address.size() && left > 0; ++at) {
    const unsigned bits = std::min(left, 8U);
    const auto mask = static_cast<unsigned char>(0xFF00U >> bits);
    if ((other[at] & mask) != (address[at] & mask)) return false;
    left -= bits;
  }
  return true;
}

std::optional<AddressRange> parse_range(const std::string& text) {
  const auto slash = text.find('/');
  AddressRange range{parse_address(text.substr(0, slash)), 0};
  if (range.address.empty()) return {};
  range.prefix = static_cast<unsigned>(range.address.size()) * 8;
  if (slash == std::string::npos) return range;
  unsigned prefix = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, prefix);
  if (error != std::errc{} || rest != end || prefix > range.prefix) return {};
  range.prefix = prefix;
  return range;
}

}  // namespace hub
