#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "containers/container.hpp"
#include "gantry/log.hpp"

/// What a container's log driver is told and asked.
namespace gantry::containers {

inline constexpr const char* kNoLogReader = "configured logging driver does not support reading";

/// HostConfig.LogConfig.Config taken apart.
struct LogOptions {
  Options driver;       ///< The log driver's.
  bool non_blocking{};  ///< mode=non-blocking
  std::uint64_t max_buffer_size{std::uint64_t{1} << 20};
  /// cache-...: the options of the copy that `docker logs` reads where the driver gives nothing back; none if it is
  /// disabled.
  std::optional<Options> cache;
};

/// What has answered once: "<driver>.<method>", and by which of the driver's objects. Not before that is a driver's
/// code run on the thread that serves everybody, however quick it says that it is.
using PromptAnswers = std::map<std::string, std::weak_ptr<log::v1::Driver>>;

/// Whether an option is the daemon's own, whatever the driver.
bool is_own_log_option(const std::string& name);

/// Errors: invalid, in dockerd's words.
LogOptions split_log_options(const wire::LogConfig& log);

/// `folder`: the container's own.
log::v1::Subject log_subject(const Container& container, const std::string& folder);

}  // namespace gantry::containers
