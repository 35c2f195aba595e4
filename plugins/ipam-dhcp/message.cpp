#include "message.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdio>
#include <cstring>

namespace gantry::dhcp {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIp = 20;
constexpr std::size_t kUdp = 8;
constexpr std::size_t kFixed = 236;     // of a message, before its options
constexpr std::size_t kShortest = 300;  // some relays drop what is shorter (BOOTP)
constexpr std::uint16_t kServerPort = 67;
constexpr std::uint16_t kClientPort = 68;
constexpr std::uint16_t kBroadcast = 0x8000;
constexpr std::uint8_t kUdpProtocol = 17;
constexpr std::string_view kCookie{"\x63\x82\x53\x63", 4};

enum Option : std::uint8_t {
  kPad = 0,
  kMask = 1,
  kRouter = 3,
  kHostname = 12,
  kRequested = 50,
  kLease = 51,
  kType = 53,
  kServer = 54,
  kParameters = 55,
  kRenew = 58,
  kClientId = 61,
  kEnd = 255
};

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

std::uint32_t number(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put_option(std::string& out, std::uint8_t code, std::string_view value) {
  if (value.empty() || value.size() > 255) return;
  out += static_cast<char>(code);
  out += static_cast<char>(value.size());
  out += value;
}

void put_address(std::string& out, std::uint8_t code, std::uint32_t address) {
  std::string value;
  put32(value, address);
  if (address != 0) put_option(out, code, value);
}

std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) sum += number(bytes, i, i + 1 < bytes.size() ? 2 : 1);
  while ((sum >> 16) != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::string body_of(const Message& message) {
  std::string out{"\x01\x01\x06\x00", 4};
  put32(out, message.xid);
  put16(out, 0);
  put16(out, message.client == 0 ? kBroadcast : 0);
  put32(out, message.client);
  out.append(12, '\0');
  out.append(reinterpret_cast<const char*>(message.mac.data()), message.mac.size());
  out.resize(kFixed, '\0');
  out += kCookie;
  const char type = static_cast<char>(message.type);
  put_option(out, kType, {&type, 1});
  put_option(out, kClientId, message.client_id);
  put_address(out, kRequested, message.requested);
  put_address(out, kServer, message.server);
  if (message.type != Type::release) {
    put_option(out, kHostname, message.hostname);
    put_option(out, kParameters, {"\x01\x03\x33\x36\x3a\x3b", 6});
  }
  out += static_cast<char>(kEnd);
  if (out.size() < kShortest) out.resize(kShortest, '\0');
  return out;
}

std::string ip_header(std::size_t length, std::uint32_t from, std::uint32_t to) {
  std::string out{"\x45\x00", 2};
  put16(out, static_cast<unsigned>(length));
  out += std::string{"\x00\x00\x00\x00\x40", 5};
  out += static_cast<char>(kUdpProtocol);
  put16(out, 0);
  put32(out, from);
  put32(out, to);
  const std::uint16_t sum = checksum(out);
  out[10] = static_cast<char>(sum >> 8);
  out[11] = static_cast<char>(sum & 0xff);
  return out;
}

/// The message in a frame, or nothing if it is another kind of frame.
std::string_view payload_of(std::string_view frame) {
  if (frame.size() < kEthernet + kIp + kUdp || number(frame, 12, 2) != 0x0800) return {};
  std::string_view packet = frame.substr(kEthernet);
  const std::size_t header = (number(packet, 0, 1) & 0x0f) * 4;
  const std::size_t total = number(packet, 2, 2);
  const bool plain = number(packet, 0, 1) >> 4 == 4 && header >= kIp && total >= header + kUdp &&
                     total <= packet.size() && number(packet, 9, 1) == kUdpProtocol &&
                     (number(packet, 6, 2) & 0x3fff) == 0;
  if (!plain) return {};
  packet = packet.substr(0, total);
  const std::string_view datagram = packet.substr(header);
  const std::size_t length = number(datagram, 4, 2);
  if (number(datagram, 2, 2) != kClientPort || length < kUdp || length > datagram.size()) return {};
  return datagram.substr(kUdp, length - kUdp);
}

void take_option(std::uint8_t code, std::string_view value, Message& out) {
  const auto take = [&](std::uint32_t& number_out) {
    if (value.size() >= 4) number_out = number(value, 0, 4);
  };
  if (code == kType && value.size() == 1) out.type = static_cast<Type>(value[0]);
  if (code == kMask) take(out.mask);
  if (code == kRouter) take(out.router);
  if (code == kServer) take(out.server);
  if (code == kLease) take(out.lease);
  if (code == kRenew) take(out.renew);
}

bool take_options(std::string_view options, Message& out) {
  for (std::size_t at = 0; at < options.size();) {
    const auto code = static_cast<std::uint8_t>(options[at++]);
    if (code == kEnd) return true;
    if (code == kPad) continue;
    if (at >= options.size()) return false;
    const std::size_t length = number(options, at++, 1);
    if (length > options.size() - at) return false;
    take_option(code, options.substr(at, length), out);
    at += length;
  }
  return true;
}

}  // namespace

std::string frame_of(const Message& message, const Mac& to, std::uint32_t target) {
  const std::string body = body_of(message);
  std::string out;
  out.append(reinterpret_cast<const char*>(to.data()), to.size());
  out.append(reinterpret_cast<const char*>(message.mac.data()), message.mac.size());
  put16(out, 0x0800);
  out += ip_header(kIp + kUdp + body.size(), message.client, target == 0 ? 0xffffffffU : target);
  put16(out, kClientPort);
  put16(out, kServerPort);
  put16(out, static_cast<unsigned>(kUdp + body.size()));
  put16(out, 0);  // no checksum, as IPv4 allows
  return out + body;
}

std::optional<Message> parse_frame(std::string_view frame) {
  const std::string_view body = payload_of(frame);
  if (body.size() < kFixed + kCookie.size() || body.substr(kFixed, kCookie.size()) != kCookie) return std::nullopt;
  if (number(body, 0, 1) != 2 || number(body, 1, 1) != 1 || number(body, 2, 1) != 6) return std::nullopt;
  Message out;
  out.xid = number(body, 4, 4);
  out.client = number(body, 12, 4);
  out.yours = number(body, 16, 4);
  std::memcpy(out.mac.data(), body.data() + 28, out.mac.size());
  std::memcpy(out.sender.data(), frame.data() + 6, out.sender.size());
  if (!take_options(body.substr(kFixed + kCookie.size()), out) || out.type == Type::none) return std::nullopt;
  return out;
}

std::string text_of(std::uint32_t address) {
  char text[INET_ADDRSTRLEN];
  const in_addr bytes{htonl(address)};
  return ::inet_ntop(AF_INET, &bytes, text, sizeof text);
}

std::optional<std::uint32_t> address_of(const std::string& text) {
  in_addr bytes{};
  if (::inet_pton(AF_INET, text.c_str(), &bytes) != 1) return std::nullopt;
  return ntohl(bytes.s_addr);
}

std::optional<int> prefix_of(std::uint32_t mask) {
  const int ones = std::countl_one(mask);
  return std::popcount(mask) == ones ? std::optional(ones) : std::nullopt;
}

std::optional<Mac> mac_of(const std::string& text) {
  Mac out{};
  unsigned bytes[6];
  char rest = 0;
  const bool plain = text.size() == 17 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
                       return std::isxdigit(c) != 0 || c == ':';
                     });
  if (!plain || std::sscanf(text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                            &bytes[4], &bytes[5], &rest) != 6) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(bytes[i]);
  return out;
}

std::string text_of(const Mac& mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}

}  // namespace gantry::dhcp
