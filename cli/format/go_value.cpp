#include "format/go_value.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "format/units.hpp"

namespace gantry::cli {

namespace {

std::string map_text(const Json& map) {
  std::vector<std::string> keys;
  for (const auto& item : map.items()) keys.push_back(item.key());
  std::sort(keys.begin(), keys.end());
  std::string out = "map[";
  for (const std::string& key : keys) {
    if (out.size() > 4) out += ' ';
    out += key + ":" + go_text(map[key]);
  }
  return out + "]";
}

std::string number_text(char verb, const std::string& flags, const Json& value) {
  std::array<char, 128> text{};
  if (verb == 'f' || verb == 'g' || verb == 'e') {
    const std::string format = "%" + flags + verb;
    std::snprintf(text.data(), text.size(), format.c_str(), value.is_number() ? value.get<double>() : 0.0);
  } else {
    const std::string format = "%" + flags + "ll" + verb;
    std::snprintf(text.data(), text.size(), format.c_str(), value.is_number() ? value.get<long long>() : 0LL);
  }
  return text.data();
}

std::string padded(std::string text, const std::string& flags) {
  const bool left = flags.find('-') != std::string::npos;
  const auto digits = flags.find_first_of("0123456789");
  const auto dot = flags.find('.');
  if (dot != std::string::npos) {
    text.resize(std::min<std::size_t>(text.size(), std::strtoul(flags.c_str() + dot + 1, nullptr, 10)));
  }
  if (digits == std::string::npos || digits > dot) return text;
  const std::size_t width = std::min<std::size_t>(std::strtoul(flags.c_str() + digits, nullptr, 10), 4096);
  if (text.size() >= width) return text;
  const std::string spaces(width - text.size(), ' ');
  return left ? text + spaces : spaces + text;
}

std::string verb_text(char verb, const std::string& flags, const Json& value) {
  switch (verb) {
    case 'q':
      return padded(go_quote(value.is_string() ? value.get<std::string>() : go_text(value)), flags);
    case 'd':
    case 'x':
    case 'X':
    case 'o':
    case 'f':
    case 'g':
    case 'e':
      if (value.is_number()) return number_text(verb, flags, value);
      return std::string("%!") + verb + "(" + (value.is_string() ? "string=" : "") + go_text(value) + ")";
    default:
      return padded(go_text(value), flags);
  }
}

}  // namespace

std::string go_text(const Json& value) {
  switch (value.type()) {
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case Json::value_t::number_float:
      return go_float(value.get<double>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return value.dump();
    case Json::value_t::object:
      return map_text(value);
    case Json::value_t::array: {
      std::string out = "[";
      for (const Json& item : value) out += (out.size() > 1 ? " " : "") + go_text(item);
      return out + "]";
    }
    default:
      return "<nil>";
  }
}

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(c));
      out += hex.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool go_truth(const Json& value) {
  switch (value.type()) {
    case Json::value_t::boolean:
      return value.get<bool>();
    case Json::value_t::number_float:
      return value.get<double>() != 0;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return value.get<std::int64_t>() != 0;
    case Json::value_t::string:
      return !value.get_ref<const std::string&>().empty();
    case Json::value_t::object:
    case Json::value_t::array:
      return !value.empty();
    default:
      return false;
  }
}

std::string go_printf(std::string_view format, const std::vector<Json>& arguments) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    std::string flags;
    while (++i < format.size() && std::string_view("+-# 0123456789.").find(format[i]) != std::string_view::npos) {
      flags += format[i];
    }
    if (i == format.size()) return out + "%!(NOVERB)";
    if (format[i] == '%') {
      out += '%';
    } else if (next == arguments.size()) {
      out += std::string("%!") + format[i] + "(MISSING)";
    } else {
      out += verb_text(format[i], flags.substr(0, 16), arguments[next++]);
    }
  }
  return out;
}

}  // namespace gantry::cli
