#include "format/template_escape.hpp"

#include <array>
#include <cctype>
#include <cstdio>

namespace gantry::cli {

namespace {

std::string formatted(const char* format, char c) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), format, static_cast<unsigned>(static_cast<unsigned char>(c)));
  return text.data();
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\0':
        out += "\xef\xbf\xbd";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string js_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '\'' || c == '"') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || c == '<' || c == '>' || c == '&' || c == '=') {
      out += formatted("\\u%04X", c);
    } else {
      out += c;
    }
  }
  return out;
}

std::string query_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += c == ' ' ? "+" : formatted("%%%02X", c);
    }
  }
  return out;
}

}  // namespace gantry::cli
