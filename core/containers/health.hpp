#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "wire/container_config.hpp"

/// A container's health: what its probes found, and dockerd's rules of what follows from it.
namespace gantry::containers {

enum class HealthStatus : std::uint8_t { starting, healthy, unhealthy };

/// "starting", "healthy", "unhealthy".
std::string_view to_string(HealthStatus status) noexcept;

/// API: HealthcheckResult.
struct ProbeResult {
  Nanoseconds start{};
  Nanoseconds end{};
  int exit_code{};  ///< -1: it did not run, or not to its end.
  std::string output;
};

/// API: Health. A container has one from its first start with a health check on.
struct Health {
  HealthStatus status{HealthStatus::starting};
  int failing_streak{};
  std::vector<ProbeResult> log;  ///< The newest last, five of them.
  std::string probe;             ///< The exec that is under way: a daemon that was killed leaves it running.
};

/// Whether there is anything to probe.
bool has_health_check(const wire::ContainerConfig& config);

/// The probe's command line.
std::vector<std::string> probe_command(const wire::ContainerConfig& config);

/// How long a probe may take.
Nanoseconds probe_timeout(const wire::Healthcheck& check);

/// How long to wait for the next probe: in the start period, until the first success, it comes by the start interval.
Nanoseconds probe_delay(const wire::Healthcheck& check, HealthStatus status, Nanoseconds since_start);

/// Counts a result in, of a probe that began `since_start` after the container.
void take_result(Health& health, ProbeResult result, const wire::Healthcheck& check, Nanoseconds since_start);

/// A start begins anew; the results of former runs stay.
void begin_health(Health& health);

/// Nothing is probed any more: dockerd calls that unhealthy.
void end_health(Health& health);

/// "1m30s", "700ms", as Go prints a duration.
std::string show_duration(Nanoseconds duration);

/// The start of what a probe has written.
class ProbeOutput {
 public:
  void append(std::string_view bytes);
  /// With "..." behind it if there was more.
  [[nodiscard]] std::string text() const { return kept_ + (cut_ ? "..." : ""); }
  [[nodiscard]] bool empty() const { return kept_.empty(); }

 private:
  static constexpr std::size_t kLimit = 4096;
  std::string kept_;
  bool cut_{};
};

/// Errors: invalid (an action other than none, kill, restart, stop; one without a health check).
void validate_health(const wire::ContainerConfig& config);

}  // namespace gantry::containers
