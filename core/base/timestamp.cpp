#include "base/timestamp.hpp"

#include <ctime>
#include <string>

namespace gantry {
namespace {

constexpr Nanoseconds kSecondOfStamps = 1'000'000'000;
constexpr std::size_t kDate = 10;  // characters of 2026-01-02
constexpr std::size_t kHour = 13;  // of 2026-01-02T15
constexpr std::size_t kMinute = 16;

Nanoseconds from_local(Nanoseconds as_utc) {
  const Nanoseconds fraction = (as_utc % kSecondOfStamps + kSecondOfStamps) % kSecondOfStamps;
  const auto seconds = static_cast<std::time_t>((as_utc - fraction) / kSecondOfStamps);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  return static_cast<Nanoseconds>(::mktime(&parts)) * kSecondOfStamps + fraction;
}

}  // namespace

std::optional<Nanoseconds> parse_timestamp(std::string_view text) {
  if (text.size() < kDate) return std::nullopt;
  const std::size_t zone = text.find_first_of("Zz+-", kDate);
  std::string stamp{text.substr(0, zone)};
  const std::string offset{zone == std::string_view::npos ? "" : text.substr(zone)};
  if (stamp.size() == kDate) stamp += "T00";
  if (stamp.size() == kHour) stamp += ":00";
  if (stamp.size() == kMinute) stamp += ":00";
  if (!offset.empty()) return parse_rfc3339(stamp + offset);
  const auto as_utc = parse_rfc3339(stamp + "Z");
  return as_utc ? std::optional{from_local(*as_utc)} : std::nullopt;
}

}  // namespace gantry
