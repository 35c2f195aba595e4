#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "format/template_syntax.hpp"

namespace gantry::cli::syntax {

namespace {

void put_character(std::string& out, std::uint32_t code) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (code < 0x80) {
    out += byte(code);
  } else if (code < 0x800) {
    out += {byte(0xc0U | code >> 6U), byte(0x80U | (code & 0x3fU))};
  } else if (code < 0x10000) {
    out += {byte(0xe0U | code >> 12U), byte(0x80U | (code >> 6U & 0x3fU)), byte(0x80U | (code & 0x3fU))};
  } else {
    out += {byte(0xf0U | code >> 18U), byte(0x80U | (code >> 12U & 0x3fU)), byte(0x80U | (code >> 6U & 0x3fU)),
            byte(0x80U | (code & 0x3fU))};
  }
}

// Takes `digits` digits of the base off `text`.
std::uint32_t take_code(std::string_view& text, std::size_t digits, int base) {
  if (text.size() < digits) throw ParseError("invalid syntax");
  const std::string taken(text.substr(0, digits));
  for (const char c : taken) {
    const bool good = base == 8 ? c >= '0' && c <= '7' : std::isxdigit(static_cast<unsigned char>(c)) != 0;
    if (!good) throw ParseError("invalid syntax");
  }
  text.remove_prefix(digits);
  return static_cast<std::uint32_t>(std::strtoul(taken.c_str(), nullptr, base));
}

// What stands behind a backslash.
void take_escape(std::string_view& text, std::string& out) {
  const char kind = text[0];
  if (kind >= '0' && kind <= '7') {
    out += static_cast<char>(take_code(text, 3, 8));
    return;
  }
  text.remove_prefix(1);
  constexpr std::string_view kLetters = "abfnrtv\\'\"";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  const auto at = kLetters.find(kind);
  if (at != std::string_view::npos) {
    out += kMeanings[at];
  } else if (kind == 'x') {
    out += static_cast<char>(take_code(text, 2, 16));
  } else if (kind == 'u' || kind == 'U') {
    const std::uint32_t code = take_code(text, kind == 'u' ? 4 : 8, 16);
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw ParseError("invalid syntax");
    put_character(out, code);
  } else {
    throw ParseError("invalid syntax");
  }
}

// The code of the first character.
std::int64_t code_of(const std::string& text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return first;
  const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  std::int64_t code = first & (0x3fU >> static_cast<unsigned>(more));
  for (int i = 1; i <= more && static_cast<std::size_t>(i) < text.size(); ++i) {
    code = code << 6 | (static_cast<unsigned char>(text[static_cast<std::size_t>(i)]) & 0x3fU);
  }
  return code;
}

const char* unterminated(char quote) {
  return quote == '`'   ? "unterminated raw quoted string"
         : quote == '"' ? "unterminated quoted string"
                        : "unterminated character constant";
}

}  // namespace

GoValue take_quoted(std::string_view& text) {
  const char quote = text[0];
  text.remove_prefix(1);
  std::string value;
  for (;;) {
    if (text.empty() || (text[0] == '\n' && quote != '`')) throw ParseError(unterminated(quote));
    const char c = text[0];
    text.remove_prefix(1);
    if (c == quote) break;
    if (c == '\\' && quote != '`') {
      if (text.empty()) throw ParseError(unterminated(quote));
      take_escape(text, value);
    } else {
      value += c;
    }
  }
  if (quote != '\'') return {go_type("string"), value};
  const auto characters = std::count_if(value.begin(), value.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
  if (characters != 1) throw ParseError("malformed character constant: '" + value + "'");
  return {go_type("int"), code_of(value)};
}

GoValue take_number(std::string_view& text) {
  const auto is_part = [&](std::size_t i) {
    const char c = text[i];
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_') return true;
    return (c == '+' || c == '-') && (i == 0 || std::string_view("eEpP").find(text[i - 1]) != std::string_view::npos);
  };
  std::size_t size = 0;
  while (size < text.size() && is_part(size)) ++size;
  const std::string source(text.substr(0, size));
  text.remove_prefix(size);
  std::string digits;
  for (const char c : source) {
    if (c != '_') digits += c;
  }
  const std::size_t sign = digits[0] == '-' || digits[0] == '+' ? 1 : 0;
  const std::string prefix = digits.substr(sign, 2);
  const bool binary = prefix == "0b" || prefix == "0B";
  const bool octal = prefix == "0o" || prefix == "0O";
  if (binary || octal) digits.erase(sign, 2);
  char* end = nullptr;
  errno = 0;
  const long long whole = std::strtoll(digits.c_str(), &end, binary ? 2 : octal ? 8 : 0);
  if (*end == '\0' && end != digits.c_str() + sign) {
    if (errno == ERANGE) throw ParseError("integer overflow: " + go_quote(source));
    return {go_type("int"), static_cast<std::int64_t>(whole)};
  }
  const double value = std::strtod(digits.c_str(), &end);
  const bool good = *end == '\0' && digits.size() > sign && !binary && !octal &&
                    std::isalpha(static_cast<unsigned char>(digits[sign])) == 0;
  if (!good) throw ParseError("bad number syntax: " + go_quote(source));
  // As Go's constants: 1e3 is whole.
  if (value == static_cast<double>(static_cast<std::int64_t>(value)) && digits.find('.') == std::string::npos) {
    return {go_type("int"), static_cast<std::int64_t>(value)};
  }
  return {go_type("float64"), value};
}

}  // namespace gantry::cli::syntax
