#include "daemon/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace gantry::daemon {

void start_log(const Config& config) {
  const auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  const auto logger = std::make_shared<spdlog::logger>("gantryd", sink);
  logger->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%l: %v" : "%Y-%m-%dT%H:%M:%S.%e%z %l: %v");
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  set_log_level(config);
}

void set_log_level(const Config& config) {
  spdlog::level::level_enum level = spdlog::level::from_str(config.log_level);
  if (config.log_level == "warning") level = spdlog::level::warn;
  if (config.log_level == "fatal" || config.log_level == "panic") level = spdlog::level::critical;
  spdlog::set_level(config.debug ? spdlog::level::debug : level);
}

}  // namespace gantry::daemon
