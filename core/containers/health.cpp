#include "containers/health.hpp"

#include <algorithm>

#include "gantry/error.hpp"

namespace gantry::containers {

namespace {

constexpr Nanoseconds kHealthSecond = 1'000'000'000;
constexpr Nanoseconds kDefaultInterval = 30 * kHealthSecond;
constexpr Nanoseconds kDefaultTimeout = 30 * kHealthSecond;
constexpr Nanoseconds kDefaultStartInterval = 5 * kHealthSecond;
constexpr int kDefaultRetries = 3;
constexpr std::size_t kKeptResults = 5;

constexpr Nanoseconds kShortestTime = 1'000'000;

// An image may say anything; what a user asks for has been checked.
Nanoseconds or_default(Nanoseconds time, Nanoseconds standard) { return time < kShortestTime ? standard : time; }

// A number of `unit`s with its fraction, without trailing zeros.
std::string with_fraction(Nanoseconds value, Nanoseconds unit, const char* name) {
  std::string text = std::to_string(value / unit);
  if (const Nanoseconds rest = value % unit; rest != 0) {
    std::string digits = std::to_string(unit + rest).substr(1);
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + name;
}

}  // namespace

std::string_view to_string(HealthStatus status) noexcept {
  switch (status) {
    case HealthStatus::starting:
      return "starting";
    case HealthStatus::healthy:
      return "healthy";
    case HealthStatus::unhealthy:
      break;
  }
  return "unhealthy";
}

bool has_health_check(const wire::ContainerConfig& config) {
  if (!config.healthcheck || config.healthcheck->test.empty()) return false;
  const std::string& kind = config.healthcheck->test.front();
  return kind == "CMD" || kind == "CMD-SHELL";
}

std::vector<std::string> probe_command(const wire::ContainerConfig& config) {
  const auto& test = config.healthcheck->test;
  std::vector<std::string> words;
  if (test.front() == "CMD-SHELL") {
    words = config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
  }
  words.insert(words.end(), test.begin() + 1, test.end());
  // The runtime says of it what is wrong.
  if (words.empty()) words.emplace_back();
  return words;
}

Nanoseconds probe_timeout(const wire::Healthcheck& check) { return or_default(check.timeout, kDefaultTimeout); }

Nanoseconds probe_delay(const wire::Healthcheck& check, HealthStatus status, Nanoseconds since_start) {
  if (since_start < check.start_period && status == HealthStatus::starting) {
    return or_default(check.start_interval, kDefaultStartInterval);
  }
  return or_default(check.interval, kDefaultInterval);
}

void take_result(Health& health, ProbeResult result, const wire::Healthcheck& check, Nanoseconds since_start) {
  const bool failed = result.exit_code != 0;
  health.log.push_back(std::move(result));
  if (health.log.size() > kKeptResults) health.log.erase(health.log.begin());
  if (!failed) {
    health.failing_streak = 0;
    health.status = HealthStatus::healthy;
    return;
  }
  if (health.status == HealthStatus::starting && since_start < check.start_period) return;
  ++health.failing_streak;
  if (health.failing_streak >= (check.retries > 0 ? check.retries : kDefaultRetries)) {
    health.status = HealthStatus::unhealthy;
  }
}

void begin_health(Health& health) {
  health.status = HealthStatus::starting;
  health.failing_streak = 0;
  health.probe.clear();
}

void end_health(Health& health) {
  health.status = HealthStatus::unhealthy;
  health.probe.clear();
}

std::string show_duration(Nanoseconds duration) {
  if (duration == 0) return "0s";
  if (duration < 0) return "-" + show_duration(-duration);
  if (duration < 1000) return std::to_string(duration) + "ns";
  if (duration < 1'000'000) return with_fraction(duration, 1000, "µs");
  if (duration < kHealthSecond) return with_fraction(duration, 1'000'000, "ms");
  const Nanoseconds minutes = duration / (60 * kHealthSecond);
  std::string text;
  if (minutes >= 60) text += std::to_string(minutes / 60) + "h";
  if (minutes > 0) text += std::to_string(minutes % 60) + "m";
  return text + with_fraction(duration % (60 * kHealthSecond), kHealthSecond, "s");
}

void ProbeOutput::append(std::string_view bytes) {
  const std::size_t kept = std::min(kLimit - kept_.size(), bytes.size());
  kept_.append(bytes.substr(0, kept));
  if (kept < bytes.size()) cut_ = true;
}

void validate_health(const wire::ContainerConfig& config) {
  const std::string& action = config.health_on_failure;
  if (action.empty() || action == "none") return;
  if (action != "kill" && action != "restart" && action != "stop") {
    throw Error{Errc::invalid, "invalid on-failure action \"" + action +
                                   "\" for health check: supported actions are none,kill,restart,stop"};
  }
  if (!has_health_check(config)) {
    throw Error{Errc::invalid, "cannot set on-failure action to " + action + " without a health check"};
  }
}

}  // namespace gantry::containers
