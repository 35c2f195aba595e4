#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// RFC 4648: passwords, secrets and small files in headers and in JSON.
namespace gantry {

inline constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Section 5: what may stand in an address.
inline constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Padded.
inline std::string base64_encode(std::string_view bytes, std::string_view alphabet = kBase64) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t offset = 0; offset < 3; ++offset) {
      group = group << 8U | (offset < count ? static_cast<unsigned char>(bytes[at + offset]) : 0U);
    }
    for (std::size_t digit = 0; digit < 4; ++digit) {
      out += digit <= count ? alphabet[group >> (18U - 6U * digit) & 63U] : '=';
    }
  }
  return out;
}

/// Of either alphabet, padded or not, line feeds passed over; nothing if it is none.
inline std::optional<std::string> base64_decode(std::string_view text) {
  const auto is_break = [](char c) { return c == '\r' || c == '\n'; };
  while (!text.empty() && (text.back() == '=' || is_break(text.back()))) text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    if (is_break(c)) continue;
    auto value = kBase64.find(c);
    if (value == std::string_view::npos) value = kBase64Url.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xFFU);
  }
  // One digit of four is no byte.
  if (bits == 6) return std::nullopt;
  return out;
}

}  // namespace gantry
