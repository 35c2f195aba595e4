#pragma once

#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"

namespace gantry::log_servers {

/// A host's name or address (none: this machine), and a port; empty: none was given.
struct HostPort {
  std::string host;
  std::string port;
};

/// "host", "host:1", "[::1]:1". Errors: invalid.
HostPort split_host_port(const std::string& text);

/// A connected socket; `protocol`: "tcp" or "udp". Errors: unavailable, in Go's words: "dial tcp 127.0.0.1:1: connect:
/// connection refused".
UniqueFd dial(const std::string& protocol, const HostPort& to);

/// The same for a Unix socket; `type`: SOCK_STREAM or SOCK_DGRAM; `protocol`: what the message calls it.
UniqueFd dial_unix(const std::string& protocol, const std::string& path, int type);

/// An empty one if there is none: errno says why.
UniqueFd try_unix(const std::string& path, int type);

/// False if the server has gone: errno says why.
bool send_whole(int socket, std::string_view bytes);

/// As Go writes it: strerror(3) in lower case.
std::string error_text(int number);

}  // namespace gantry::log_servers
