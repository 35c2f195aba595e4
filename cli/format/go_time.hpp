#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::cli {

/// An instant and the zone in which it is shown: what Go has as time.Time.
struct GoTime {
  /// Go's zero, which is no time: the year 1.
  static constexpr std::int64_t kZero = -62'135'596'800;

  static constexpr std::int64_t kSecond = 1'000'000'000;

  std::int64_t seconds = kZero;  ///< Since 1970.
  std::int64_t nanoseconds = 0;  ///< Of the second.
  std::int64_t offset = 0;       ///< Of the zone, in seconds east.
  std::string zone = "UTC";      ///< Its abbreviation; empty where only the offset is known.

  [[nodiscard]] GoTime in_utc() const;
  [[nodiscard]] GoTime in_local_zone() const;
  [[nodiscard]] GoTime plus(std::int64_t duration) const;
  /// In nanoseconds; the longest that there is where it would be longer.
  [[nodiscard]] std::int64_t since(const GoTime& other) const;
};

/// What RFC 3339 says, as in JSON; the zero if it is none of that.
GoTime read_go_time(std::string_view text);
/// As in JSON.
std::string json_time(const GoTime& time);

/// A time as the calendar and the clock of its zone show it.
struct CalendarTime {
  GoTime time;
  int year, month, day, year_day, week_day, hour, minute, second;  ///< Sunday is 0.
};
CalendarTime calendar_time(const GoTime& time);

/// From 1; empty for what is none.
std::string month_name(std::int64_t month);
/// From Sunday, which is 0.
std::string day_name(std::int64_t week_day);

/// Go's Time.Format: `layout` shows how it would have "Mon Jan 2 15:04:05 MST 2006".
std::string format_go_time(const GoTime& time, std::string_view layout);

}  // namespace gantry::cli
