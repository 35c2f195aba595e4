#include "plugins/log.hpp"

#include <spdlog/spdlog.h>

namespace gantry::plugins {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::info:
      break;
  }
  return spdlog::level::info;
}

}  // namespace

void log_line(const DriverInfo& driver, LogLevel level, std::string_view message) noexcept {
  // spdlog catches what its sinks throw.
  spdlog::log(spdlog_level(level), "{} {}: {}", driver.kind, driver.name, message);
}

}  // namespace gantry::plugins
