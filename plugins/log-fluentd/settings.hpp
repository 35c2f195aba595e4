#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "gantry/driver.hpp"
#include "log_servers/dial.hpp"

namespace gantry::fluentd {

/// The options fluentd-*.
struct Settings {
  std::string path;  ///< Of a Unix socket; empty: by TCP.
  log_servers::HostPort server{"127.0.0.1", "24224"};
  bool async{};
  std::uint64_t buffer_limit{std::uint64_t{1} << 20};  ///< Messages that wait, if asynchronous.
  std::chrono::milliseconds retry_wait{1000};
  std::uint64_t max_retries{std::uint64_t{1} << 31};
  bool sub_second{};
  bool request_ack{};
};

/// Errors: invalid, in dockerd's words.
Settings parse_settings(const Options& options);

}  // namespace gantry::fluentd
