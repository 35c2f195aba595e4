#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "address.hpp"
#include "gantry/unique_fd.hpp"
#include "tls_stream.hpp"

namespace gantry::log_syslog {

/// The connection to a syslog server.
class Server {
 public:
  Server(Address address, TlsSettings tls) : address_(std::move(address)), tls_settings_(std::move(tls)) {}

  /// Errors: unavailable, in dockerd's words.
  void connect();

  /// Sends one message; connects anew, once, if the server has gone. Errors: unavailable.
  void send(std::string_view message);

 private:
  [[nodiscard]] bool connected() const { return socket_ || tls_; }
  bool try_send(std::string_view message);

  Address address_;
  TlsSettings tls_settings_;
  UniqueFd socket_;
  std::optional<TlsStream> tls_;  ///< Instead of the socket.
};

}  // namespace gantry::log_syslog
