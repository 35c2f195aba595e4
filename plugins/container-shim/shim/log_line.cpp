#include "shim/log_line.hpp"

#include <ctime>

namespace gantry::container_shim {

namespace {

constexpr char kHex[] = "0123456789abcdef";

/// The length of the UTF-8 sequence at the front of `text`; 0 if it is none (overlong, surrogate, cut off, too large).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                     (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

void append_escape(std::string& out, char c) {
  const auto value = static_cast<unsigned char>(c);
  switch (c) {
    case '"':
    case '\\':
      out += '\\';
      out += c;
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[value >> 4U];
      out += kHex[value & 15U];
  }
}

/// Go's encoder also escapes what could end a script element.
bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      std::size_t plain = 0;
      while (plain < text.size() && static_cast<unsigned char>(text[plain]) < 0x80 && is_plain(text[plain])) ++plain;
      out += text.substr(0, plain);
      text.remove_prefix(plain);
      if (plain > 0) continue;
      append_escape(out, text[0]);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, length);
    if (sequence == "\u2028" || sequence == "\u2029") {
      out += sequence == "\u2028" ? "\\u2028" : "\\u2029";
    } else {
      out += sequence;
    }
    text.remove_prefix(length);
  }
}

void append_log_line(std::string& out, std::string_view text, std::string_view stream, std::string_view time,
                     std::string_view attributes) {
  out += "{\"log\":\"";
  append_json_text(out, text);
  out += "\",\"stream\":\"";
  out += stream;
  if (!attributes.empty()) {
    out += "\",\"attrs\":";
    out += attributes;
    out += ",\"time\":\"";
    out += time;
    out += "\"}\n";
    return;
  }
  out += "\",\"time\":\"";
  out += time;
  out += "\"}\n";
}

std::string format_time(std::int64_t nanoseconds) {
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1000000000);
  std::int64_t fraction = nanoseconds % 1000000000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string result(text, size);
  if (fraction != 0) {
    std::string digits(9, '0');
    for (std::size_t i = 9; i-- > 0; fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
    digits.erase(digits.find_last_not_of('0') + 1);
    result += '.' + digits;
  }
  return result + 'Z';
}

}  // namespace gantry::container_shim
