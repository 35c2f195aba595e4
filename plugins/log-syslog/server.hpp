#pragma once

#include <string>
#include <string_view>

#include "address.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::log_syslog {

/// The connection to a syslog server.
class Server {
 public:
  explicit Server(Address address) : address_(std::move(address)) {}

  /// Errors: unavailable, in dockerd's words.
  void connect();

  /// Sends one message; connects anew, once, if the server has gone. Errors: unavailable.
  void send(std::string_view message);

 private:
  bool try_send(std::string_view message) const;

  Address address_;
  UniqueFd socket_;
};

}  // namespace gantry::log_syslog
