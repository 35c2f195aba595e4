#include "message.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

namespace gantry::log_syslog {

namespace {

constexpr int kError = 3;  // RFC 5424, severities
constexpr int kInformational = 6;

std::tm local_time(std::int64_t nanoseconds) {
  const auto seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

std::string formatted(const std::tm& time, const char* format) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &time)};
}

// "+01:00", or "Z" as Go writes it.
std::string zone(const std::tm& time) {
  std::string text = formatted(time, "%z");
  if (text == "+0000") return "Z";
  return text.insert(3, ":");
}

std::string short_time(std::int64_t time) { return formatted(local_time(time), "%b %e %H:%M:%S"); }

std::string long_time(std::int64_t time, bool micro) {
  const std::tm parts = local_time(time);
  std::string text = formatted(parts, "%Y-%m-%dT%H:%M:%S");
  if (micro) {
    std::string digits = std::to_string(time / 1000 % 1'000'000);
    text += "." + std::string(6 - digits.size(), '0') + digits;
  }
  return text + zone(parts);
}

}  // namespace

int parse_facility(const std::string& text) {
  static const std::map<std::string, int> names{
      {"kern", 0},    {"user", 1},    {"mail", 2},    {"daemon", 3},    {"auth", 4},    {"syslog", 5},  {"lpr", 6},
      {"news", 7},    {"uucp", 8},    {"cron", 9},    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17},
      {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21},   {"local6", 22}, {"local7", 23}};
  if (text.empty()) return names.at("daemon") << 3;
  if (const auto found = names.find(text); found != names.end()) return found->second << 3;
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0 || number > 23) {
    throw Error{Errc::invalid, "invalid syslog facility"};
  }
  return number << 3;
}

void check_format(const std::string& text) {
  static const std::set<std::string> known{"", "rfc3164", "rfc5424", "rfc5424micro"};
  if (!known.contains(text)) throw Error{Errc::invalid, "Invalid syslog format"};
}

std::string format_message(const Style& style, const log::v1::Entry& entry) {
  const std::string priority =
      "<" + std::to_string(style.facility | (entry.from_stderr ? kError : kInformational)) + ">";
  const std::string pid = std::to_string(style.pid);
  if (style.format.starts_with("rfc5424")) {
    const bool micro = style.format == "rfc5424micro";
    const std::string head = priority + "1 " + long_time(entry.time, micro) + " " + style.host + " " + style.tag + " " +
                             pid + " " + style.tag + " - ";
    const std::string message = head + entry.text + "\n";
    return style.counted ? std::to_string(message.size()) + " " + message : message;
  }
  const std::string host = style.format == "rfc3164" ? style.host + " " : "";
  return priority + short_time(entry.time) + " " + host + style.tag + "[" + pid + "]: " + entry.text + "\n";
}

}  // namespace gantry::log_syslog
