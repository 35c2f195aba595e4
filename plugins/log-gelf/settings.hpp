#pragma once

#include <chrono>
#include <string>

#include "gantry/driver.hpp"
#include "log_servers/dial.hpp"

namespace gantry::gelf {

enum class Compression { none, gzip, zlib };

/// The options gelf-*.
struct Settings {
  std::string protocol;  ///< "udp" or "tcp".
  log_servers::HostPort server;
  Compression compression{Compression::gzip};
  int level{1};
  int max_reconnect{3};
  std::chrono::seconds reconnect_delay{1};
};

/// Errors: invalid, in dockerd's words.
Settings parse_settings(const Options& options);

}  // namespace gantry::gelf
