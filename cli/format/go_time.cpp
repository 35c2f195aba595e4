#include "format/go_time.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <limits>

namespace gantry::cli {

namespace {

/// Takes numbers and separators off the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool take(char c) {
    const bool is_there = rest_.starts_with(c);
    if (is_there) rest_.remove_prefix(1);
    return is_there;
  }

  void expect(char c) { failed_ = !take(c) || failed_; }

  std::int64_t number(std::size_t digits) {
    std::int64_t value = 0;
    const std::string_view word = rest_.substr(0, digits);
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    failed_ = failed_ || error != std::errc{} || end != word.data() + digits || value < 0;
    rest_.remove_prefix(word.size());
    return value;
  }

  // So many digits of a second that there are.
  std::int64_t fraction() {
    const std::size_t size = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    std::string digits(rest_.substr(0, std::min<std::size_t>(size, 9)));
    rest_.remove_prefix(size);
    digits.resize(9, '0');
    return std::strtoll(digits.c_str(), nullptr, 10);
  }

  [[nodiscard]] bool is_done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

std::int64_t read_offset(Reader& reader) {
  const bool is_west = reader.take('-');
  if (!is_west) reader.expect('+');
  const std::int64_t hours = reader.number(2);
  reader.expect(':');
  const std::int64_t seconds = hours * 3600 + reader.number(2) * 60;
  return is_west ? -seconds : seconds;
}

}  // namespace

GoTime GoTime::in_utc() const { return {seconds, nanoseconds, 0, "UTC"}; }

GoTime GoTime::in_local_zone() const {
  const std::time_t when = seconds;
  std::tm local{};
  if (::localtime_r(&when, &local) == nullptr) return in_utc();
  return {seconds, nanoseconds, local.tm_gmtoff, local.tm_zone};
}

GoTime GoTime::plus(std::int64_t duration) const {
  GoTime sum = *this;
  const std::int64_t rest = nanoseconds + duration % kSecond;
  const std::int64_t carry = rest < 0 ? -1 : rest / kSecond;
  sum.seconds += duration / kSecond + carry;
  sum.nanoseconds = rest - carry * kSecond;
  if (zone.empty() || zone == "UTC") return sum;
  return sum.in_local_zone();
}

std::int64_t GoTime::since(const GoTime& other) const {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::int64_t whole = seconds - other.seconds;
  if (whole > Limits::max() / kSecond - 1) return Limits::max();
  if (whole < Limits::min() / kSecond + 1) return Limits::min();
  return whole * kSecond + nanoseconds - other.nanoseconds;
}

GoTime read_go_time(std::string_view text) {
  Reader reader(text);
  const auto year = std::chrono::year(static_cast<int>(reader.number(4)));
  reader.expect('-');
  const auto month = std::chrono::month(static_cast<unsigned>(reader.number(2)));
  reader.expect('-');
  const auto day = std::chrono::day(static_cast<unsigned>(reader.number(2)));
  reader.expect('T');
  std::int64_t seconds = reader.number(2) * 3600;
  reader.expect(':');
  seconds += reader.number(2) * 60;
  reader.expect(':');
  seconds += reader.number(2);
  GoTime time;
  if (reader.take('.')) time.nanoseconds = reader.fraction();
  const bool is_utc = reader.take('Z');
  const std::int64_t offset = is_utc ? 0 : read_offset(reader);
  const std::chrono::year_month_day date(year, month, day);
  if (!reader.is_done() || !date.ok()) return {};
  time.seconds = std::chrono::sys_days(date).time_since_epoch().count() * 86'400LL + seconds - offset;
  if (is_utc) return time;
  // Where the offset is that of here, Go takes the zone for the local one.
  GoTime local = time.in_local_zone();
  if (local.offset == offset) return local;
  time.offset = offset;
  time.zone.clear();
  return time;
}

std::string json_time(const GoTime& time) { return format_go_time(time, "2006-01-02T15:04:05.999999999Z07:00"); }

}  // namespace gantry::cli
