#include "message_pack.hpp"

namespace gantry::fluentd {

namespace {

void put(std::string& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out += static_cast<char>(value >> (8 * bytes) & 0xffU);
}

}  // namespace

void pack_text(std::string& out, std::string_view text) {
  const std::size_t size = text.size();
  if (size < 32) {
    out += static_cast<char>(0xa0U | size);
  } else if (size < 0x100) {
    out += '\xd9';
    put(out, size, 1);
  } else if (size < 0x10000) {
    out += '\xda';
    put(out, size, 2);
  } else {
    out += '\xdb';
    put(out, size, 4);
  }
  out += text;
}

void pack_map(std::string& out, const std::map<std::string, std::string>& members) {
  if (members.size() < 16) {
    out += static_cast<char>(0x80U | members.size());
  } else {
    out += '\xde';
    put(out, members.size(), 2);
  }
  for (const auto& [name, value] : members) {
    pack_text(out, name);
    pack_text(out, value);
  }
}

void pack_time(std::string& out, std::int64_t nanoseconds, bool sub_second) {
  const auto seconds = static_cast<std::uint64_t>(nanoseconds / 1'000'000'000);
  if (sub_second) {
    out += std::string_view("\xd7\0", 2);
    put(out, seconds, 4);
    put(out, static_cast<std::uint64_t>(nanoseconds % 1'000'000'000), 4);
  } else {
    const bool fits = seconds <= 0x7fffffffU;
    out += fits ? '\xd2' : '\xd3';
    put(out, seconds, fits ? 4 : 8);
  }
}

void pack_array_of_four(std::string& out) { out += '\x94'; }

}  // namespace gantry::fluentd
