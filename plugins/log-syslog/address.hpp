#pragma once

#include <string>

namespace gantry::log_syslog {

inline constexpr const char* kTls = "tcp+tls";

/// Where the server is.
struct Address {
  std::string protocol;  ///< "local" (/dev/log and its like), "unix", "unixgram", "udp", "tcp" or "tcp+tls".
  std::string place;     ///< A path, or a host's name or address.
  std::string port;
};

/// The option syslog-address; empty: local. Errors: invalid, in dockerd's words.
Address parse_address(const std::string& text);

}  // namespace gantry::log_syslog
