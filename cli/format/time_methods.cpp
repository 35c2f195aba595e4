// The methods of Go's times, durations, months and days of the week.

#include <cstdint>
#include <limits>
#include <string>

#include "format/go_methods.hpp"
#include "format/go_time.hpp"
#include "format/units.hpp"

namespace gantry::cli {

namespace {

using Arguments = std::vector<GoValue>;

constexpr std::int64_t kOneSecond = GoTime::kSecond;
constexpr const char* kTimeText = "2006-01-02 15:04:05.999999999 -0700 MST";

GoTime time_of(const GoValue& value) { return read_go_time(value.json.is_string() ? value.text() : std::string()); }
std::int64_t number_of(const GoValue& value) {
  return value.json.is_number_integer() ? value.json.get<std::int64_t>() : 0;
}

GoValue as_time(const GoTime& time) {
  std::string text = json_time(time);
  // A local zone without an offset is another than UTC.
  if (text.back() == 'Z' && time.zone != "UTC") text.replace(text.size() - 1, 1, "+00:00");
  return {go_type("time.Time"), text};
}

/// A method of times that gives a value of the type.
template <class Body>
TemplateFunction time_method(const char* type, Body body) {
  return {{}, false, [type, body](const Arguments& a) { return GoValue(go_type(type), body(time_of(a[0]))); }};
}

/// What the calendar or the clock shows of a time.
TemplateFunction shown(int CalendarTime::*part, const char* type = "int") {
  return time_method(type, [part](const GoTime& time) { return calendar_time(time).*part; });
}

/// Seconds since 1970 in units of which a second has so many.
TemplateFunction unix_time(std::int64_t units) {
  return time_method("int64", [units](const GoTime& time) {
    // What is too large for it wraps around, as in Go.
    const auto scaled = static_cast<std::uint64_t>(time.seconds) * static_cast<std::uint64_t>(units);
    return static_cast<std::int64_t>(scaled + static_cast<std::uint64_t>(time.nanoseconds / (kOneSecond / units)));
  });
}

int compared(const GoTime& a, const GoTime& b) {
  if (a.seconds != b.seconds) return a.seconds < b.seconds ? -1 : 1;
  return a.nanoseconds == b.nanoseconds ? 0 : a.nanoseconds < b.nanoseconds ? -1 : 1;
}

/// A method of two times: what it makes of their order.
template <class Body>
TemplateFunction comparison(const char* type, Body body) {
  return {{go_type("time.Time")}, false, [type, body](const Arguments& a) {
            return GoValue(go_type(type), body(compared(time_of(a[0]), time_of(a[1]))));
          }};
}

GoValue sum(const Arguments& a) { return as_time(time_of(a[0]).plus(number_of(a[1]))); }
GoValue difference(const Arguments& a) { return {go_type("time.Duration"), time_of(a[0]).since(time_of(a[1]))}; }
GoValue formatted_time(const Arguments& a) { return {go_type("string"), format_go_time(time_of(a[0]), a[1].text())}; }

void add_times(TemplateFunctions& methods) {
  methods["Year"] = shown(&CalendarTime::year);
  methods["Month"] = shown(&CalendarTime::month, "time.Month");
  methods["Day"] = shown(&CalendarTime::day);
  methods["YearDay"] = shown(&CalendarTime::year_day);
  methods["Hour"] = shown(&CalendarTime::hour);
  methods["Minute"] = shown(&CalendarTime::minute);
  methods["Second"] = shown(&CalendarTime::second);
  methods["Nanosecond"] = time_method("int", [](const GoTime& time) { return time.nanoseconds; });
  methods["Weekday"] = shown(&CalendarTime::week_day, "time.Weekday");
  methods["Unix"] = unix_time(1);
  methods["UnixMilli"] = unix_time(1'000);
  methods["UnixMicro"] = unix_time(1'000'000);
  methods["UnixNano"] = unix_time(kOneSecond);
  methods["IsZero"] =
      time_method("bool", [](const GoTime& time) { return time.seconds == GoTime::kZero && time.nanoseconds == 0; });
  methods["String"] = time_method("string", [](const GoTime& time) { return format_go_time(time, kTimeText); });
  methods["Format"] = {{go_type("string")}, false, formatted_time};
  methods["UTC"] = {{}, false, [](const Arguments& a) { return as_time(time_of(a[0]).in_utc()); }};
  methods["Local"] = {{}, false, [](const Arguments& a) { return as_time(time_of(a[0]).in_local_zone()); }};
  methods["Add"] = {{go_type("time.Duration")}, false, sum};
  methods["Sub"] = {{go_type("time.Time")}, false, difference};
  methods["Compare"] = comparison("int", [](int order) { return order; });
  methods["Before"] = comparison("bool", [](int order) { return order < 0; });
  methods["After"] = comparison("bool", [](int order) { return order > 0; });
  methods["Equal"] = comparison("bool", [](int order) { return order == 0; });
}

/// How many of a unit, cut off or not.
TemplateFunction whole_units(std::int64_t unit) {
  return {{}, false, [unit](const Arguments& a) { return GoValue(go_type("int64"), number_of(a[0]) / unit); }};
}

TemplateFunction units(std::int64_t unit) {
  return {{}, false, [unit](const Arguments& a) {
            const std::int64_t all = number_of(a[0]);
            const double rest = static_cast<double>(all % unit) / static_cast<double>(unit);
            return GoValue(go_type("float64"), static_cast<double>(all / unit) + rest);
          }};
}

std::int64_t truncated(std::int64_t duration, std::int64_t unit) {
  return unit <= 0 ? duration : duration - duration % unit;
}

// Halves go away from nought; what would be too much stays at the end.
std::int64_t rounded(std::int64_t duration, std::int64_t unit) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (unit <= 0) return duration;
  const std::int64_t rest = duration % unit;
  const std::int64_t down = duration - rest;
  const std::uint64_t size = rest < 0 ? 0 - static_cast<std::uint64_t>(rest) : static_cast<std::uint64_t>(rest);
  if (size * 2 < static_cast<std::uint64_t>(unit)) return down;
  if (duration < 0) return down < Limits::min() + unit ? Limits::min() : down - unit;
  return down > Limits::max() - unit ? Limits::max() : down + unit;
}

std::int64_t magnitude(std::int64_t duration) {
  using Limits = std::numeric_limits<std::int64_t>;
  return duration == Limits::min() ? Limits::max() : duration < 0 ? -duration : duration;
}

TemplateFunction to_unit(std::int64_t (*change)(std::int64_t, std::int64_t)) {
  const GoType* duration = go_type("time.Duration");
  return {{duration}, false, [duration, change](const Arguments& a) {
            return GoValue(duration, change(number_of(a[0]), number_of(a[1])));
          }};
}

void add_durations(TemplateFunctions& methods) {
  methods["Hours"] = units(3600 * kOneSecond);
  methods["Minutes"] = units(60 * kOneSecond);
  methods["Seconds"] = units(kOneSecond);
  methods["Milliseconds"] = whole_units(1'000'000);
  methods["Microseconds"] = whole_units(1'000);
  methods["Nanoseconds"] = whole_units(1);
  methods["Round"] = to_unit(rounded);
  methods["Truncate"] = to_unit(truncated);
  methods["Abs"] = {
      {}, false, [](const Arguments& a) { return GoValue(go_type("time.Duration"), magnitude(number_of(a[0]))); }};
  methods["String"] = {
      {}, false, [](const Arguments& a) { return GoValue(go_type("string"), go_duration(number_of(a[0]))); }};
}

TemplateFunction name(std::string (*of)(std::int64_t number)) {
  return {{}, false, [of](const Arguments& a) { return GoValue(go_type("string"), of(number_of(a[0]))); }};
}

}  // namespace

void add_time_methods(MethodTable& methods) {
  add_times(methods["time.Time"]);
  add_durations(methods["time.Duration"]);
  methods["time.Month"] = {{"String", name(month_name)}};
  methods["time.Weekday"] = {{"String", name(day_name)}};
}

}  // namespace gantry::cli
