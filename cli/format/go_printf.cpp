#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "format/go_methods.hpp"
#include "format/go_value.hpp"

namespace gantry::cli {

namespace {

using Kind = GoType::Kind;

constexpr std::size_t kWidest = 4096;

struct Verb {
  std::string flags;  ///< With width and precision, as C has them.
  char name{};
};

std::string padded(std::string text, const std::string& flags) {
  const bool left = flags.find('-') != std::string::npos;
  const auto digits = flags.find_first_of("123456789");
  const auto dot = flags.find('.');
  if (dot != std::string::npos) {
    text.resize(std::min<std::size_t>(text.size(), std::strtoul(flags.c_str() + dot + 1, nullptr, 10)));
  }
  if (digits == std::string::npos || digits > dot) return text;
  const std::size_t width = std::min<std::size_t>(std::strtoul(flags.c_str() + digits, nullptr, 10), kWidest);
  // Go counts characters, not bytes.
  const auto length = static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
  if (length >= width) return text;
  const std::string spaces(width - length, ' ');
  return left ? text + spaces : spaces + text;
}

std::string number_text(const Verb& verb, const Json& value) {
  std::array<char, 512> text{};
  const std::string flags = verb.flags.substr(0, 8);
  const bool whole = value.is_number_integer();
  if (whole && verb.name == 'b') {
    std::string bits;
    for (auto rest = value.get<std::uint64_t>(); rest != 0 || bits.empty(); rest >>= 1U)
      bits += (rest & 1U) != 0 ? '1' : '0';
    std::reverse(bits.begin(), bits.end());
    return padded(bits, verb.flags);
  }
  if (whole) {
    const std::string format = "%" + flags + "ll" + verb.name;
    std::snprintf(text.data(), text.size(), format.c_str(), value.get<long long>());
  } else {
    const std::string format = "%" + flags + verb.name;
    std::snprintf(text.data(), text.size(), format.c_str(), value.get<double>());
  }
  return text.data();
}

std::string hex_text(const std::string& text, bool capital) {
  std::string out;
  for (const char c : text) {
    std::array<char, 4> two{};
    std::snprintf(two.data(), two.size(), capital ? "%02X" : "%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += two.data();
  }
  return out;
}

std::string character(std::int64_t code) {
  const auto value = static_cast<std::uint32_t>(code < 0 || code > 0x10ffff ? 0xfffd : code);
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (value < 0x80) return {byte(value)};
  if (value < 0x800) return {byte(0xc0U | value >> 6U), byte(0x80U | (value & 0x3fU))};
  if (value < 0x10000) {
    return {byte(0xe0U | value >> 12U), byte(0x80U | (value >> 6U & 0x3fU)), byte(0x80U | (value & 0x3fU))};
  }
  return {byte(0xf0U | value >> 18U), byte(0x80U | (value >> 12U & 0x3fU)), byte(0x80U | (value >> 6U & 0x3fU)),
          byte(0x80U | (value & 0x3fU))};
}

// What Go says of a verb that is not for such a value: "%!d(string=x)".
std::string wrong_verb(const Verb& verb, const GoValue& value) {
  const std::string name = std::string("%!") + verb.name + "(";
  if (!value.is_valid()) return name + "<nil>)";
  return name + value.type->name + "=" + go_text(value) + ")";
}

std::string list_printed(const Verb& verb, const GoValue& value);

/// Each member of a list or map as `text` has it, sorted and separated.
template <class Text>
std::string joined(const GoValue& value, const char* separator, Text text) {
  std::string out;
  if (value.json.is_array()) {
    for (std::size_t i = 0; i < value.json.size(); ++i) {
      out += (i > 0 ? separator : "") + text("", value.item(value.json[i]));
    }
  } else if (value.json.is_object()) {
    std::map<std::string, GoValue> sorted;
    for (const auto& item : value.json.items()) sorted.emplace(item.key(), value.item(item.value()));
    for (const auto& [key, member] : sorted) out += (out.empty() ? "" : separator) + text(key, member);
  }
  return out;
}

/// "%+v": structs with the names of their fields.
std::string named_text(const GoValue& value) {
  if (!value.is_valid() || own_text(value)) return go_text(value);
  if (value.type->kind == Kind::structure) {
    std::string out;
    for (const GoField& field : value.type->fields) {
      out += (out.empty() ? "" : " ") + field.name + ":" + named_text(value.field(field.name));
    }
    return "{" + out + "}";
  }
  const auto text = [](const std::string& key, const GoValue& member) {
    return (key.empty() ? "" : key + ":") + named_text(member);
  };
  if (value.type->kind == Kind::slice) return "[" + joined(value, " ", text) + "]";
  if (value.type->kind == Kind::map) return "map[" + joined(value, " ", text) + "]";
  return go_text(value);
}

/// "%#v": as Go's source would have it.
std::string syntax_text(const GoValue& value) {
  if (!value.is_valid()) return go_text(value);
  const auto& type = *value.type;
  if (type.kind == Kind::text) return go_quote(go_text(value));
  if (type.kind == Kind::structure) {
    std::string out;
    for (const GoField& field : type.fields) {
      out += (out.empty() ? "" : ", ") + field.name + ":" + syntax_text(value.field(field.name));
    }
    return type.name + "{" + out + "}";
  }
  const auto text = [](const std::string& key, const GoValue& member) {
    return (key.empty() ? "" : go_quote(key) + ":") + syntax_text(member);
  };
  if (type.kind == Kind::slice || type.kind == Kind::map) {
    return value.is_nil() ? type.name + "(nil)" : type.name + "{" + joined(value, ", ", text) + "}";
  }
  return go_text(value);
}

/// "%U"
std::string code_point(std::int64_t code) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "U+%04llX", static_cast<unsigned long long>(code));
  return text.data();
}

std::string text_printed(const Verb& verb, const std::string& text) {
  if (verb.name == 's') return padded(text, verb.flags);
  if (verb.name == 'q') return padded(go_quote(text), verb.flags);
  return padded(hex_text(text, verb.name == 'X'), verb.flags);
}

std::string printed(const Verb& verb, const GoValue& value) {
  if (verb.name == 'T') return padded(value.is_valid() ? value.type->name : "<nil>", verb.flags);
  if (verb.name == 'v' && verb.flags.find('#') != std::string::npos) return syntax_text(value);
  if (verb.name == 'v' && verb.flags.find('+') != std::string::npos) return padded(named_text(value), verb.flags);
  if (verb.name == 'v') return padded(go_text(value), verb.flags);
  if (!value.is_valid()) return wrong_verb(verb, value);
  const std::string_view whole_verbs = "dxXobc";
  const bool known = std::string_view("sqdxXobcUeEfFgGtp").find(verb.name) != std::string_view::npos;
  if (!known) return wrong_verb(verb, value);
  const bool for_text = std::string_view("sqxX").find(verb.name) != std::string_view::npos;
  if (for_text && (value.type->kind == Kind::text || own_text(value))) return text_printed(verb, go_text(value));
  switch (value.type->kind) {
    case Kind::text:
    case Kind::time:
      return wrong_verb(verb, value);
    case Kind::duration:
    case Kind::integer: {
      const Json number = value.json.is_null() ? Json(0) : value.json;
      if (verb.name == 'U') return padded(code_point(number.get<std::int64_t>()), verb.flags);
      if (verb.name == 'c') return padded(character(number.get<std::int64_t>()), verb.flags);
      if (verb.name == 'q') return padded("'" + character(number.get<std::int64_t>()) + "'", verb.flags);
      return whole_verbs.find(verb.name) != std::string_view::npos ? number_text(verb, number)
                                                                   : wrong_verb(verb, value);
    }
    case Kind::floating:
      if (std::string_view("eEfFgG").find(verb.name) == std::string_view::npos) return wrong_verb(verb, value);
      return number_text(verb, value.json.is_null() ? Json(0.0) : Json(value.json.get<double>()));
    case Kind::boolean:
      return verb.name == 't' ? padded(go_text(value), verb.flags) : wrong_verb(verb, value);
    case Kind::pointer:
      return value.is_nil() ? std::string("%!") + verb.name + "(" + value.type->name + "=<nil>)"
                            : printed(verb, value.indirect());
    default:
      return list_printed(verb, value);
  }
}

// Of lists and maps each item is printed by itself.
std::string list_printed(const Verb& verb, const GoValue& value) {
  std::string out;
  if (value.json.is_array()) {
    for (const Json& item : value.json) out += (out.empty() ? "" : " ") + printed(verb, value.item(item));
    return "[" + out + "]";
  }
  if (value.type->kind != GoType::Kind::map) return go_text(value);
  if (value.json.is_object()) {
    std::vector<std::string> keys;
    for (const auto& item : value.json.items()) keys.push_back(item.key());
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      out += (out.empty() ? "" : " ") + printed(verb, GoValue(Json(key))) + ":" +
             printed(verb, value.item(value.json[key]));
    }
  }
  return "map[" + out + "]";
}

}  // namespace

std::string go_printf(std::string_view format, const std::vector<GoValue>& arguments) {
  std::string out;
  std::size_t next = 0;
  bool reordered = false;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    Verb verb;
    while (++i < format.size() && std::string_view("+-# 0123456789.").find(format[i]) != std::string_view::npos) {
      verb.flags += format[i];
    }
    // "[2]": from there on it is the second's turn.
    if (i < format.size() && format[i] == '[') {
      const auto close = format.find(']', i);
      const std::string_view digits = format.substr(i + 1, close == std::string_view::npos ? 0 : close - i - 1);
      std::size_t number = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      reordered = true;
      if (close == std::string_view::npos || close + 1 == format.size() || error != std::errc{} ||
          end != digits.data() + digits.size() || number == 0 || number > arguments.size()) {
        i = close == std::string_view::npos ? format.size() - 1 : std::min(close + 1, format.size() - 1);
        out += std::string("%!") + format[i] + "(BADINDEX)";
        continue;
      }
      next = number - 1;
      i = close + 1;
    }
    if (i == format.size()) {
      out += "%!(NOVERB)";
      break;
    }
    verb.name = format[i];
    if (verb.name == '%') {
      out += '%';
    } else if (next == arguments.size()) {
      out += std::string("%!") + verb.name + "(MISSING)";
    } else {
      out += printed(verb, arguments[next++]);
    }
  }
  if (next == arguments.size() || reordered) return out;
  out += "%!(EXTRA ";
  for (const std::size_t first = next; next < arguments.size(); ++next) {
    const GoValue& extra = arguments[next];
    out += (next > first ? ", " : "") + (extra.is_valid() ? extra.type->name + "=" + go_text(extra) : "<nil>");
  }
  return out + ")";
}

}  // namespace gantry::cli
