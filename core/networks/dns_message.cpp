#include "networks/dns_message.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace gantry::networks::dns {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint32_t kTimeToLive = 600;  // as dockerd's
constexpr std::size_t kMaxUdpLimit = 4096;

std::uint16_t u16(View message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8 & 0xff));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

/// Reads a name without compression, as questions have it; moves `at` behind it. Nothing if it is malformed.
std::optional<std::string> read_name(View message, std::size_t& at) {
  std::string name;
  while (at < message.size()) {
    const std::size_t length = message[at++];
    if (length == 0) return name;
    if (length > 63 || at + length > message.size() || name.size() + length > 254) return std::nullopt;
    if (!name.empty()) name += '.';
    for (const std::uint8_t byte : message.subspan(at, length)) {
      if (byte == '.' || byte == 0) return std::nullopt;
      name += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
    }
    at += length;
  }
  return std::nullopt;
}

/// Moves `at` behind a record's name; it may end in a pointer.
bool skip_name(View message, std::size_t& at) {
  while (at < message.size()) {
    const std::size_t length = message[at];
    if (length >= 0xc0) {
      at += 2;
      return at <= message.size();
    }
    at += 1 + length;
    if (length == 0) return at <= message.size();
    if (length > 63) return false;
  }
  return false;
}

/// What the OPT record among the query's records says about datagrams; 512 without one.
std::size_t udp_limit(View message, std::size_t at) {
  const std::size_t records = std::size_t{u16(message, 6)} + u16(message, 8) + u16(message, 10);
  for (std::size_t i = 0; i < records; ++i) {
    if (!skip_name(message, at) || at + 10 > message.size()) return 512;
    if (u16(message, at) == static_cast<std::uint16_t>(Type::opt)) {
      return std::clamp<std::size_t>(u16(message, at + 2), 512, kMaxUdpLimit);
    }
    at += 10 + std::size_t{u16(message, at + 8)};
  }
  return 512;
}

/// Header and question of an answer to `query`.
Bytes begin_answer(View query, const Query& parsed, Rcode code, std::size_t answer_count) {
  Bytes out;
  put16(out, parsed.id);
  // QR, RD as asked, RA; not authoritative, as dockerd's resolver
  out.push_back(static_cast<std::uint8_t>(0x80 | (parsed.recursion_desired ? 1 : 0)));
  out.push_back(static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(code)));
  put16(out, 1);
  put16(out, answer_count);
  put16(out, 0);
  put16(out, 0);
  out.insert(out.end(), query.begin() + kHeaderSize, query.begin() + static_cast<std::ptrdiff_t>(parsed.question_end));
  return out;
}

/// A record about the name of the question, up to its data.
void begin_record(Bytes& out, std::uint16_t type, std::size_t data_size) {
  put16(out, 0xc000 | kHeaderSize);
  put16(out, type);
  put16(out, kClassIn);
  put32(out, kTimeToLive);
  put16(out, data_size);
}

Bytes encoded_name(const std::string& name) {
  Bytes out;
  std::size_t start = 0;
  while (start < name.size() && out.size() < 250) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    const std::size_t length = std::min<std::size_t>(end - start, 63);
    if (length > 0) {
      out.push_back(static_cast<std::uint8_t>(length));
      out.insert(out.end(), name.begin() + static_cast<std::ptrdiff_t>(start),
                 name.begin() + static_cast<std::ptrdiff_t>(start + length));
    }
    start = end + 1;
  }
  out.push_back(0);
  return out;
}

std::vector<std::string_view> labels_of(std::string_view name) {
  std::vector<std::string_view> labels;
  while (!name.empty()) {
    const auto dot = name.find('.');
    labels.push_back(name.substr(0, dot));
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  return labels;
}

/// Text that is an address, in its canonical form.
std::optional<std::string> canonical(int family, const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (::inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  ::inet_ntop(family, bytes.data(), out.data(), out.size());
  return std::string(out.data());
}

}  // namespace

std::optional<Query> parse_query(View message) {
  if (message.size() < kHeaderSize) return std::nullopt;
  const bool is_response = (message[2] & 0x80) != 0;
  const int opcode = message[2] >> 3 & 0xf;
  if (is_response || opcode != 0 || u16(message, 4) != 1) return std::nullopt;
  Query query;
  query.id = u16(message, 0);
  query.recursion_desired = (message[2] & 1) != 0;
  std::size_t at = kHeaderSize;
  auto name = read_name(message, at);
  if (!name || at + 4 > message.size() || u16(message, at + 2) != kClassIn) return std::nullopt;
  query.name = std::move(*name);
  query.type = u16(message, at);
  query.question_end = at + 4;
  query.udp_limit = udp_limit(message, query.question_end);
  return query;
}

std::optional<std::uint16_t> parse_id(View message) {
  if (message.size() < kHeaderSize || (message[2] & 0x80) != 0) return std::nullopt;
  return u16(message, 0);
}

bool answers(View answer, View query) {
  const auto parsed = parse_query(query);
  if (!parsed || answer.size() < parsed->question_end || (answer[2] & 0x80) == 0) return false;
  if (u16(answer, 0) != parsed->id || u16(answer, 4) != 1) return false;
  std::size_t at = kHeaderSize;
  const auto name = read_name(answer, at);
  return name && *name == parsed->name && at + 4 <= answer.size() && u16(answer, at) == parsed->type;
}

bool is_truncated(View answer) { return answer.size() >= kHeaderSize && (answer[2] & 0x02) != 0; }

Rcode rcode(View answer) {
  return answer.size() < kHeaderSize ? Rcode::server_failure : static_cast<Rcode>(answer[3] & 0x0f);
}

Bytes address_answer(View query, const Query& parsed, const std::vector<std::string>& addresses) {
  const int family = parsed.type == static_cast<std::uint16_t>(Type::aaaa) ? AF_INET6 : AF_INET;
  const std::size_t size = family == AF_INET6 ? 16 : 4;
  Bytes records;
  std::size_t count = 0;
  for (const std::string& address : addresses) {
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(family, address.c_str(), bytes.data()) != 1) continue;
    begin_record(records, parsed.type, size);
    records.insert(records.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ++count;
  }
  Bytes out = begin_answer(query, parsed, Rcode::no_error, count);
  out.insert(out.end(), records.begin(), records.end());
  return out;
}

Bytes pointer_answer(View query, const Query& parsed, const std::string& name) {
  Bytes out = begin_answer(query, parsed, Rcode::no_error, 1);
  const Bytes target = encoded_name(name);
  begin_record(out, static_cast<std::uint16_t>(Type::ptr), target.size());
  out.insert(out.end(), target.begin(), target.end());
  return out;
}

Bytes empty_answer(View query, const Query& parsed, Rcode code) { return begin_answer(query, parsed, code, 0); }

Bytes bare_error(std::uint16_t id, Rcode code) {
  Bytes out;
  put16(out, id);
  out.push_back(0x80);
  out.push_back(static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(code)));
  out.resize(kHeaderSize, 0);
  return out;
}

Bytes fit(Bytes answer, std::size_t question_end, std::size_t limit) {
  if (answer.size() <= limit || answer.size() < question_end || question_end < kHeaderSize) return answer;
  answer.resize(question_end);
  answer[2] = static_cast<std::uint8_t>(answer[2] | 0x02);
  std::fill(answer.begin() + 6, answer.begin() + kHeaderSize, std::uint8_t{0});
  return answer;
}

std::optional<std::string> reverse_address(std::string_view name) {
  constexpr std::string_view kIpv4 = ".in-addr.arpa";
  constexpr std::string_view kIpv6 = ".ip6.arpa";
  std::string text;
  if (name.ends_with(kIpv4)) {
    auto labels = labels_of(name.substr(0, name.size() - kIpv4.size()));
    if (labels.size() != 4) return std::nullopt;
    for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
      text += (text.empty() ? "" : ".") + std::string(*label);
    }
    return canonical(AF_INET, text);
  }
  if (!name.ends_with(kIpv6)) return std::nullopt;
  auto labels = labels_of(name.substr(0, name.size() - kIpv6.size()));
  if (labels.size() != 32) return std::nullopt;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto& label = labels[labels.size() - 1 - i];
    if (label.size() != 1) return std::nullopt;
    if (i > 0 && i % 4 == 0) text += ':';
    text += label;
  }
  return canonical(AF_INET6, text);
}

}  // namespace gantry::networks::dns
