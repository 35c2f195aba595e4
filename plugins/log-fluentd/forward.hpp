#pragma once

#include <atomic>
#include <string>

#include "gantry/unique_fd.hpp"
#include "settings.hpp"

namespace gantry::fluentd {

/// A message on its way.
struct Message {
  std::string bytes;
  std::string chunk;  ///< What the server must answer; empty: nothing.
};

/// The connection to a server of the forward protocol.
class Forward {
 public:
  explicit Forward(const Settings& settings) : settings_(settings) {}

  /// Errors: unavailable, in dockerd's words.
  void connect();

  /// Tries again, ever more slowly, as often as the settings allow. Errors: unavailable.
  void send(const Message& message);

  /// Any thread: `send` tries no more.
  void give_up() { giving_up_ = true; }

 private:
  bool try_send(const Message& message);
  [[nodiscard]] bool is_answered(const std::string& chunk) const;
  void wait(std::uint64_t attempt) const;

  Settings settings_;
  UniqueFd socket_;
  std::atomic<bool> giving_up_{false};
};

}  // namespace gantry::fluentd
