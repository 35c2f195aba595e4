#include "parse/quantity.hpp"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "command/failure.hpp"
#include "parse/text.hpp"

namespace gantry::cli {

namespace {

// Digits with a point, without the exponents and names that strtod knows.
std::optional<double> take_number(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && (std::isdigit(static_cast<unsigned char>(text[size])) != 0 || text[size] == '.')) ++size;
  const std::string digits(text.substr(0, size));
  char* end = nullptr;
  const double value = std::strtod(digits.c_str(), &end);
  if (digits.empty() || digits == "." || *end != '\0') return std::nullopt;
  text.remove_prefix(size);
  return value;
}

std::string stamp(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%lld.%09lld", static_cast<long long>(nanoseconds / kSecond),
                static_cast<long long>(nanoseconds % kSecond));
  return out.data();
}

// What stands behind a date: "Z" or "+01:00" in seconds; nothing means the user's own time.
bool take_zone(const char* text, std::optional<std::int64_t>& offset) {
  if (*text == '\0') return true;
  if ((*text == 'Z' || *text == 'z') && text[1] == '\0') {
    offset = 0;
    return true;
  }
  int hours = 0;
  int minutes = 0;
  int used = 0;
  if ((*text != '+' && *text != '-') || std::sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2) return false;
  offset = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  return text[1 + used] == '\0';
}

// Seconds and nanoseconds apart: a year like 2999 is too far away for nanoseconds alone.
std::optional<std::string> parse_date(const std::string& text) {
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr) continue;
    std::int64_t fraction = 0;
    if (*end == '.') {
      std::int64_t scale = 100'000'000;
      for (++end; std::isdigit(static_cast<unsigned char>(*end)) != 0; ++end, scale /= 10)
        fraction += scale * (*end - '0');
    }
    std::optional<std::int64_t> offset;
    if (!take_zone(end, offset)) continue;
    parts.tm_isdst = -1;
    const std::int64_t seconds = offset ? ::timegm(&parts) - *offset : std::mktime(&parts);
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "%lld.%09lld", static_cast<long long>(seconds),
                  static_cast<long long>(fraction));
    return out.data();
  }
  return std::nullopt;
}

}  // namespace

// As docker's units package reads it: what stands before the last digit is a number, "1e3" too. "0x10" is none to Go.
std::int64_t parse_bytes(const std::string& text) {
  const auto last = text.find_last_of("0123456789. ");
  if (last == std::string::npos) throw InvalidValue("invalid size: '" + text + "'");
  const std::string number = text.substr(0, text[last] == ' ' ? last : last + 1);
  const std::string unit = lower(text.substr(last + 1));
  char* end = nullptr;
  const double value = std::strtod(number.c_str(), &end);
  const bool is_hexadecimal = number.find_first_of("xX") != std::string::npos;
  if (number.empty() || is_hexadecimal || *end != '\0' || std::isspace(static_cast<unsigned char>(number[0])) != 0 ||
      number == ".") {
    throw InvalidValue("strconv.ParseFloat: parsing \"" + number + "\": invalid syntax");
  }
  if (value < 0) throw InvalidValue("invalid size: '" + text + "'");
  double factor = 1;
  if (!unit.empty() && unit != "b") {
    const auto power = std::string_view("kmgtp").find(unit[0]);
    const std::string_view rest = std::string_view(unit).substr(1);
    if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "ib")) {
      throw InvalidValue("invalid suffix: '" + (unit.size() > 3 ? text.substr(last + 1) : unit) + "'");
    }
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  if (value * factor > 9e18) throw InvalidValue("invalid size: '" + text + "'");
  return static_cast<std::int64_t>(value * factor);
}

namespace {

// "1/4": a number of CPUs, if thousand millionths of one are.
std::int64_t parse_ratio(const std::string& text, const std::pair<std::string, std::string>& ratio, bool negative) {
  const auto is_number = [](const std::string& part) {
    return !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
  };
  if (!is_number(ratio.first) || !is_number(ratio.second) || std::stoll(ratio.second) == 0) {
    throw InvalidValue("failed to parse " + text + " as a rational number");
  }
  const std::int64_t nanos = std::stoll(ratio.first) * 1'000'000'000;
  const std::int64_t divisor = std::stoll(ratio.second);
  if (nanos % divisor != 0) throw InvalidValue("value is too precise");
  return (negative ? -1 : 1) * (nanos / divisor);
}

}  // namespace

std::int64_t parse_nano_cpus(const std::string& text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (const auto ratio = cut(rest, '/')) return parse_ratio(text, *ratio, negative);
  const auto number = take_number(rest);
  if (!number || !rest.empty()) throw InvalidValue("failed to parse " + text + " as a rational number");
  const auto point = text.find('.');
  if (point != std::string::npos && text.size() - point - 1 > 9) throw InvalidValue("value is too precise");
  return std::llround((negative ? -*number : *number) * 1e9);
}

std::optional<std::int64_t> parse_duration(const std::string& text) {
  std::string_view rest = text;
  double sign = 1;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    if (rest[0] == '-') sign = -1;
    rest.remove_prefix(1);
  }
  if (rest == "0") return 0;
  if (rest.empty()) return std::nullopt;
  double total = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) return std::nullopt;
    struct Unit {
      std::string_view name;
      double nanoseconds;
    };
    static constexpr std::array<Unit, 8> kUnits{
        {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 6e10}, {"h", 3.6e12}, {"μs", 1e3}}};
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (starts_with(rest, unit.name) && (found == nullptr || unit.name.size() > found->name.size())) found = &unit;
    }
    if (found == nullptr) return std::nullopt;
    rest.remove_prefix(found->name.size());
    total += *number * found->nanoseconds;
  }
  if (total > 9.2e18) return std::nullopt;
  return static_cast<std::int64_t>(sign * total);
}

std::int64_t parse_duration_flag(const std::string& text) {
  if (const auto value = parse_duration(text)) return *value;
  // As Go words it: a number alone lacks its unit.
  std::string_view rest = text;
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const bool bare = take_number(rest) && rest.empty();
  throw InvalidValue(std::string(bare ? "time: missing unit in duration \"" : "time: invalid duration \"") + text +
                     "\"");
}

std::int64_t now_nanoseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

std::string parse_timestamp(const std::string& text, std::int64_t now_ns) {
  if (const auto duration = parse_duration(text); duration && text != "0") return stamp(now_ns - *duration);
  if (auto time = parse_date(text)) return *time;
  std::string_view rest = text;
  if (take_number(rest) && rest.empty()) return text;
  throw InvalidValue("failed to parse value as time or duration: \"" + text + "\"");
}

}  // namespace gantry::cli
