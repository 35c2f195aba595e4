// Go's layouts of times: an example that shows where each part goes.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>

#include "format/go_time.hpp"

namespace gantry::cli {

namespace {

constexpr std::array kMonths{"January", "February", "March",     "April",   "May",      "June",
                             "July",    "August",   "September", "October", "November", "December"};
constexpr std::array kDays{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

std::string number(int value, int width, char fill = '0') {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), fill == '0' ? "%0*d" : "%*d", width, value);
  return text.data();
}

int hour_of_twelve(int hour) { return hour % 12 == 0 ? 12 : hour % 12; }

/// "-07:00" and its kin: `like` tells how far it goes, and whether nought is "Z".
std::string offset_text(std::int64_t offset, std::string_view like) {
  if (like[0] == 'Z' && offset == 0) return "Z";
  const bool has_colons = like.find(':') != std::string_view::npos;
  const auto parts = std::count_if(like.begin(), like.end(), [](char c) { return c >= '0' && c <= '9'; }) / 2;
  const auto seconds = static_cast<int>(offset < 0 ? -offset : offset);
  std::string out = (offset < 0 ? "-" : "+") + number(seconds / 3600, 2);
  if (parts > 1) out += (has_colons ? ":" : "") + number(seconds / 60 % 60, 2);
  if (parts > 2) out += (has_colons ? ":" : "") + number(seconds % 60, 2);
  return out;
}

std::string zone_text(const GoTime& time) { return time.zone.empty() ? offset_text(time.offset, "-0700") : time.zone; }

struct Part {
  std::string_view like;
  std::string (*text)(const CalendarTime&, std::string_view like);
};

std::string zone_offset(const CalendarTime& t, std::string_view like) { return offset_text(t.time.offset, like); }

// What another begins with comes after it.
constexpr std::array<Part, 34> kParts{{
    {"January", [](const CalendarTime& t, std::string_view) { return month_name(t.month); }},
    {"Jan", [](const CalendarTime& t, std::string_view) { return month_name(t.month).substr(0, 3); }},
    {"Monday", [](const CalendarTime& t, std::string_view) { return day_name(t.week_day); }},
    {"Mon", [](const CalendarTime& t, std::string_view) { return day_name(t.week_day).substr(0, 3); }},
    {"MST", [](const CalendarTime& t, std::string_view) { return zone_text(t.time); }},
    {"002", [](const CalendarTime& t, std::string_view) { return number(t.year_day, 3); }},
    {"01", [](const CalendarTime& t, std::string_view) { return number(t.month, 2); }},
    {"02", [](const CalendarTime& t, std::string_view) { return number(t.day, 2); }},
    {"03", [](const CalendarTime& t, std::string_view) { return number(hour_of_twelve(t.hour), 2); }},
    {"04", [](const CalendarTime& t, std::string_view) { return number(t.minute, 2); }},
    {"05", [](const CalendarTime& t, std::string_view) { return number(t.second, 2); }},
    {"06", [](const CalendarTime& t, std::string_view) { return number(t.year % 100, 2); }},
    {"15", [](const CalendarTime& t, std::string_view) { return number(t.hour, 2); }},
    {"1", [](const CalendarTime& t, std::string_view) { return number(t.month, 1); }},
    {"2006", [](const CalendarTime& t, std::string_view) { return number(t.year, 4); }},
    {"2", [](const CalendarTime& t, std::string_view) { return number(t.day, 1); }},
    {"__2", [](const CalendarTime& t, std::string_view) { return number(t.year_day, 3, ' '); }},
    {"_2006", [](const CalendarTime& t, std::string_view) { return "_" + number(t.year, 4); }},
    {"_2", [](const CalendarTime& t, std::string_view) { return number(t.day, 2, ' '); }},
    {"3", [](const CalendarTime& t, std::string_view) { return number(hour_of_twelve(t.hour), 1); }},
    {"4", [](const CalendarTime& t, std::string_view) { return number(t.minute, 1); }},
    {"5", [](const CalendarTime& t, std::string_view) { return number(t.second, 1); }},
    {"PM", [](const CalendarTime& t, std::string_view) -> std::string { return t.hour >= 12 ? "PM" : "AM"; }},
    {"pm", [](const CalendarTime& t, std::string_view) -> std::string { return t.hour >= 12 ? "pm" : "am"; }},
    {"-07:00:00", zone_offset},
    {"-07:00", zone_offset},
    {"-070000", zone_offset},
    {"-0700", zone_offset},
    {"-07", zone_offset},
    {"Z07:00:00", zone_offset},
    {"Z07:00", zone_offset},
    {"Z070000", zone_offset},
    {"Z0700", zone_offset},
    {"Z07", zone_offset},
}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "Jan" is a month, "Janus" is none.
bool ends_here(std::string_view like, std::string_view rest) {
  const bool is_short = like == "Jan" || like == "Mon";
  return !is_short || rest.empty() || rest[0] < 'a' || rest[0] > 'z';
}

const Part* part_at(std::string_view layout) {
  const auto fits = [&](const Part& part) {
    return layout.starts_with(part.like) && ends_here(part.like, layout.substr(part.like.size()));
  };
  const auto* const found = std::find_if(kParts.begin(), kParts.end(), fits);
  return found == kParts.end() ? nullptr : found;
}

/// How long ".000" or ".999" at the front is; 0 if there is none.
std::size_t fraction_at(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',') || (layout[1] != '0' && layout[1] != '9')) return 0;
  const std::size_t end = std::min(layout.find_first_not_of(layout[1], 1), layout.size());
  return end < layout.size() && is_digit(layout[end]) ? 0 : end;
}

/// "9" leaves out what is nought at the end.
std::string fraction_text(std::int64_t nanoseconds, std::string_view like) {
  std::string digits = number(static_cast<int>(nanoseconds), 9);
  digits.resize(std::min<std::size_t>(like.size() - 1, 9));
  if (like[1] == '9') digits.erase(digits.find_last_not_of('0') + 1);
  return digits.empty() ? digits : like[0] + digits;
}

std::string named(std::span<const char* const> names, std::int64_t index) {
  return index >= 0 && index < static_cast<std::int64_t>(names.size()) ? names[static_cast<std::size_t>(index)] : "";
}

}  // namespace

CalendarTime calendar_time(const GoTime& time) {
  using namespace std::chrono;
  const sys_seconds shown{seconds(time.seconds + time.offset)};
  const sys_days today = floor<days>(shown);
  const year_month_day date(today);
  const hh_mm_ss clock(shown - today);
  const auto year_day = (today - sys_days(date.year() / January / 1)).count() + 1;
  return {time,
          static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(year_day),
          static_cast<int>(weekday(today).c_encoding()),
          static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()),
          static_cast<int>(clock.seconds().count())};
}

std::string month_name(std::int64_t month) { return named(kMonths, month - 1); }
std::string day_name(std::int64_t week_day) { return named(kDays, week_day); }

std::string format_go_time(const GoTime& time, std::string_view layout) {
  const CalendarTime shown = calendar_time(time);
  std::string out;
  while (!layout.empty()) {
    std::size_t taken = 1;
    if (const Part* part = part_at(layout)) {
      taken = part->like.size();
      out += part->text(shown, part->like);
    } else if (const std::size_t size = fraction_at(layout)) {
      taken = size;
      out += fraction_text(time.nanoseconds, layout.substr(0, size));
    } else {
      out += layout[0];
    }
    layout.remove_prefix(taken);
  }
  return out;
}

}  // namespace gantry::cli
