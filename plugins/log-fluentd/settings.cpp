#include "settings.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "gantry/error.hpp"
#include "log_subject/option_text.hpp"

namespace gantry::fluentd {

namespace {

using log_subject::text_of;

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

std::uint64_t parse_number(const std::string& text, std::uint64_t highest) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string begin = "strconv.ParseUint: parsing \"" + text + "\": ";
  if (end != text.data() + text.size() || error == std::errc::invalid_argument) refuse(begin + "invalid syntax");
  if (error != std::errc{} || value > highest) refuse(begin + "value out of range");
  return value;
}

/// Go's time.ParseDuration: "1h2m", "500ms".
std::chrono::milliseconds parse_duration(const std::string& text) {
  static const std::map<std::string, double> units{{"ns", 1e-6}, {"us", 1e-3},  {"µs", 1e-3},    {"ms", 1.0},
                                                   {"s", 1e3},   {"m", 60'000}, {"h", 3'600'000}};
  const std::string quoted = "\"" + text + "\"";
  const bool negative = text.starts_with('-');
  std::size_t at = negative || text.starts_with('+') ? 1 : 0;
  if (text.substr(at) == "0") return {};
  if (at == text.size()) refuse("time: invalid duration " + quoted);
  double total = 0;
  while (at < text.size()) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{}) refuse("time: invalid duration " + quoted);
    at = static_cast<std::size_t>(end - text.data());
    const std::size_t unit_end = std::min(text.find_first_of("0123456789.", at), text.size());
    const std::string unit = text.substr(at, unit_end - at);
    if (unit.empty()) refuse("time: missing unit in duration " + quoted);
    const auto known = units.find(unit);
    if (known == units.end()) refuse("time: unknown unit \"" + unit + "\" in duration " + quoted);
    total += value * known->second;
    at = unit_end;
  }
  constexpr double kLongest = 9.2e12;  // of Go's durations
  if (total > kLongest) refuse("time: invalid duration " + quoted);
  return std::chrono::milliseconds{std::llround(negative ? -total : total)};
}

void parse_address(const std::string& text, Settings& out) {
  if (text.empty()) return;
  const auto wrong = [&text](const std::string& why) { refuse("invalid fluentd-address (" + text + "): " + why); };
  const std::size_t end = text.find("://");
  const std::string scheme = end == std::string::npos ? "tcp" : text.substr(0, end);
  const std::string rest = end == std::string::npos ? text : text.substr(end + 3);
  if (scheme == "unix") {
    if (!rest.starts_with('/') || rest == "/") wrong("path is empty");
    out.path = rest;
    return;
  }
  if (scheme != "tcp") wrong("unsupported scheme: '" + scheme + "'");
  if (rest.find('/') != std::string::npos) wrong("should not contain a path element");
  log_servers::HostPort given;
  try {
    given = log_servers::split_host_port(rest);
  } catch (const Error&) {
    wrong("parse \"tcp://" + rest + "\": invalid port \"" + rest.substr(rest.rfind(':')) + "\" after host");
  }
  if (!given.host.empty()) out.server.host = given.host;
  if (given.port.empty()) return;
  try {
    constexpr std::uint64_t kHighestPort = 65535;
    (void)parse_number(given.port, kHighestPort);
  } catch (const Error& error) {
    wrong(std::string("invalid port: ") + error.what());
  }
  out.server.port = given.port;
}

bool switched(const Options& options, const char* name) {
  const std::string text = text_of(options, name);
  return !text.empty() && log_subject::parse_truth(text);
}

// Taken, and without effect: a connection is made anew when it breaks.
void check_reconnect_interval(const std::string& text) {
  if (text.empty()) return;
  const std::string begin = "invalid value for fluentd-async-reconnect-interval: ";
  std::chrono::milliseconds interval{};
  try {
    interval = parse_duration(text);
  } catch (const Error& error) {
    refuse(begin + error.what());
  }
  if (interval != std::chrono::milliseconds{0} &&
      (interval < std::chrono::milliseconds{100} || interval > std::chrono::seconds{10})) {
    refuse(begin + "value (\"" + text + "\") must be between 100ms and 10s");
  }
}

}  // namespace

Settings parse_settings(const Options& options) {
  Settings out;
  parse_address(text_of(options, "fluentd-address"), out);
  if (const std::string text = text_of(options, "fluentd-buffer-limit"); !text.empty()) {
    out.buffer_limit = log_subject::parse_size(text, 1024);
  }
  if (const std::string text = text_of(options, "fluentd-retry-wait"); !text.empty()) {
    out.retry_wait = parse_duration(text);
  }
  if (const std::string text = text_of(options, "fluentd-max-retries"); !text.empty()) {
    out.max_retries = parse_number(text, ~std::uint64_t{0});
  }
  if (options.contains("fluentd-async") && options.contains("fluentd-async-connect")) {
    refuse("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect");
  }
  out.async = switched(options, "fluentd-async") || switched(options, "fluentd-async-connect");
  check_reconnect_interval(text_of(options, "fluentd-async-reconnect-interval"));
  out.sub_second = switched(options, "fluentd-sub-second-precision");
  out.request_ack = switched(options, "fluentd-request-ack");
  return out;
}

}  // namespace gantry::fluentd
