#include "containers/restart_policy.hpp"

#include <algorithm>

namespace gantry::containers {

namespace {

constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::milliseconds kLongestBackoff = std::chrono::minutes{1};
constexpr Nanoseconds kLongRun = 10'000'000'000;  // after that much the back-off starts anew

}  // namespace

bool asks_for_restart(const Container& container) {
  const auto& policy = container.host_config.restart_policy;
  if (policy.name == "always") return true;
  if (policy.name == "unless-stopped") return !container.stopped_by_user;
  if (policy.name != "on-failure" || container.exit_code == 0) return false;
  return policy.maximum_retry_count == 0 || container.restart_count < policy.maximum_retry_count;
}

bool comes_back(const Container& container) {
  const bool at_rest = container.state == State::exited || container.state == State::restarting;
  return at_rest && container.started != 0 && asks_for_restart(container);
}

std::chrono::milliseconds next_backoff(std::chrono::milliseconds previous, Nanoseconds ran) {
  if (previous.count() == 0 || ran >= kLongRun) return kFirstBackoff;
  return std::min(previous * 2, kLongestBackoff);
}

}  // namespace gantry::containers
