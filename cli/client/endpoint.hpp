#pragma once

#include <optional>
#include <string>

namespace gantry::cli {

/// Where a daemon listens.
struct Endpoint {
  std::string text;  ///< As the user wrote it, for messages.
  std::string path;  ///< Of the socket, for ssh there, where it may be empty; always empty for TCP.
  std::string host;
  std::string port;
  bool ssh = false;  ///< By `ssh` to the host; `user` and `port` may be empty.
  std::string user;
};

/// Reads "unix:///path", "ssh://user@host:port/path", "tcp://host:port", "http(s)://host:port" or "host:port". Throws
/// Failure.
Endpoint parse_endpoint(const std::string& text);

/// What to check and to show when the daemon is spoken to by TLS.
struct TlsSettings {
  bool verify = true;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

/// The daemon that the flags, else GANTRY_HOST, else DOCKER_HOST name.
struct DaemonAddress {
  Endpoint endpoint;
  std::optional<TlsSettings> tls;
};

/// The flags that stand before the command.
struct ConnectionFlags {
  std::string context;
  std::string host;
  bool tls = false;
  bool tls_verify = false;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
};

DaemonAddress daemon_address(const ConnectionFlags& flags, const std::string& config_dir);

}  // namespace gantry::cli
