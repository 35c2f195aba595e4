#pragma once

#include <string>
#include <string_view>

#include "gantry/unique_fd.hpp"
#include "settings.hpp"

namespace gantry::gelf {

/// A GELF server: datagrams, compressed and cut into chunks, or a stream of messages that end with a zero byte.
class Endpoint {
 public:
  explicit Endpoint(Settings settings) : settings_(std::move(settings)) {}

  /// Errors: unavailable, in dockerd's words.
  void connect();

  /// Errors: unavailable (a TCP server that stays away), invalid (more than 128 chunks).
  void send(const std::string& message);

 private:
  void send_datagrams(const std::string& message);
  void send_stream(const std::string& message);
  [[nodiscard]] std::string compressed(const std::string& message) const;

  Settings settings_;
  UniqueFd socket_;
};

}  // namespace gantry::gelf
