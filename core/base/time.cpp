#include "base/time.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace gantry {

namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;

// Takes `width` decimal digits and the separator behind them (0 for none) off the front of `text`.
bool take(std::string_view& text, std::size_t width, char separator, int& value) {
  if (text.size() < width) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + width, value);
  if (error != std::errc{} || end != text.data() + width || text[0] == '-') return false;
  text.remove_prefix(width);
  if (separator == 0) return true;
  if (text.empty() || text[0] != separator) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, Nanoseconds& fraction) {
  fraction = 0;
  if (text.empty() || text[0] != '.') return true;
  text.remove_prefix(1);
  Nanoseconds scale = kSecond / 10;
  bool any = false;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    fraction += (text[0] - '0') * scale;
    scale /= 10;
    any = true;
    text.remove_prefix(1);
  }
  return any;
}

bool take_offset(std::string_view text, int& seconds) {
  seconds = 0;
  if (text == "Z" || text == "z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return false;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!take(text, 2, ':', hours) || !take(text, 2, 0, minutes) || hours > 23 || minutes > 59) return false;
  seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

}  // namespace

Nanoseconds now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_nsec;
}

std::string format_rfc3339(Nanoseconds time) {
  Nanoseconds fraction = time % kSecond;
  if (fraction < 0) fraction += kSecond;
  const std::time_t seconds = static_cast<std::time_t>((time - fraction) / kSecond);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text.data(), size);
  if (fraction != 0) {
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), ".%09lld", static_cast<long long>(fraction));
    std::string tail(digits.data());
    tail.erase(tail.find_last_not_of('0') + 1);
    out += tail;
  }
  return out + "Z";
}

std::optional<Nanoseconds> parse_rfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!take(text, 4, '-', year) || !take(text, 2, '-', month) || !take(text, 2, 0, day)) return std::nullopt;
  if (text.empty() || (text[0] != 'T' && text[0] != 't')) return std::nullopt;
  text.remove_prefix(1);
  Nanoseconds fraction = 0;
  int offset = 0;
  if (!take(text, 2, ':', hour) || !take(text, 2, ':', minute) || !take(text, 2, 0, second) ||
      !take_fraction(text, fraction) || !take_offset(text, offset)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const Nanoseconds days = std::chrono::sys_days{date}.time_since_epoch().count();
  return ((days * 24 + hour) * 3600 + minute * 60 + second - offset) * kSecond + fraction;
}

}  // namespace gantry
