#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/log_entry.hpp"

/// One entry of a log as bytes: what Docker's `local` driver keeps in its files, and what its logging plugins get: a
/// length (32 bits, most significant byte first) and a protobuf message
///
///     message LogEntry {
///       string source = 1;            // "stdout", "stderr"
///       int64 time_nano = 2;
///       bytes line = 3;               // without its line feed
///       bool partial = 4;
///       PartialLogEntryMetadata partial_log_metadata = 5;  // { bool last = 1; string id = 2; int32 ordinal = 3; }
///     }
///
/// (moby, api/types/plugins/logdriver/entry.proto). Throws nothing and needs no library: runtimes use it too.
namespace gantry::log::v1 {

namespace record {

inline void put_length(std::string& out, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(value >> shift & 0xffU);
}

inline std::uint32_t get_length(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

inline void put_number(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

inline void put_text(std::string& out, char tag, std::string_view text) {
  out += tag;
  put_number(out, text.size());
  out += text;
}

/// False if `bytes` ends within the number.
inline bool get_number(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/// The next field: its tag, and its value as a number or as text. False at the end or if there is none.
inline bool get_field(std::string_view& bytes, std::uint64_t& tag, std::uint64_t& value, std::string_view& text) {
  if (bytes.empty() || !get_number(bytes, tag) || !get_number(bytes, value)) return false;
  if ((tag & 7U) == 0) return true;
  if ((tag & 7U) != 2 || value > bytes.size()) return false;
  text = bytes.substr(0, static_cast<std::size_t>(value));
  bytes.remove_prefix(text.size());
  return true;
}

inline void get_partial(std::string_view bytes, Entry& out) {
  std::uint64_t tag = 0;
  std::uint64_t value = 0;
  for (std::string_view text; get_field(bytes, tag, value, text);) {
    if (tag == 0x08) out.last = value != 0;
    if (tag == 0x12) out.partial_id = text;
    if (tag == 0x18) out.ordinal = static_cast<std::uint32_t>(value);
  }
}

}  // namespace record

/// Appends an entry with its length before it. Attributes are not in it.
inline void append_record(std::string& out, const Entry& entry) {
  const std::size_t begin = out.size();
  record::put_length(out, 0);
  record::put_text(out, '\x0a', entry.from_stderr ? "stderr" : "stdout");
  out += '\x10';
  record::put_number(out, static_cast<std::uint64_t>(entry.time));
  record::put_text(out, '\x1a', entry.text);
  if (entry.partial) {
    std::string part;
    if (entry.last) part += std::string_view("\x08\x01", 2);
    record::put_text(part, '\x12', entry.partial_id);
    part += '\x18';
    record::put_number(part, entry.ordinal);
    out += std::string_view("\x20\x01", 2);
    record::put_text(out, '\x2a', part);
  }
  std::string length;
  record::put_length(length, static_cast<std::uint32_t>(out.size() - begin - 4));
  out.replace(begin, 4, length);
}

/// Takes a message (without its length) apart. False if it is none.
inline bool parse_record(std::string_view message, Entry& out) {
  std::uint64_t tag = 0;
  std::uint64_t value = 0;
  bool has_source = false;
  for (std::string_view text; record::get_field(message, tag, value, text);) {
    if (tag == 0x0a) {
      out.from_stderr = text == "stderr";
      has_source = true;
    }
    if (tag == 0x10) out.time = static_cast<std::int64_t>(value);
    if (tag == 0x1a) out.text = text;
    if (tag == 0x20) out.partial = value != 0;
    if (tag == 0x2a) record::get_partial(text, out);
  }
  return has_source && message.empty();
}

}  // namespace gantry::log::v1
