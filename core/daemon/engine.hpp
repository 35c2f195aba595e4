#pragma once

#include <sys/socket.h>

#include <memory>

#include "api/router.hpp"
#include "base/async.hpp"
#include "daemon/config.hpp"

namespace gantry::daemon {

/// Everything of the daemon but its sockets and signals: state, drivers, nouns and their routes, put together here and
/// nowhere else. Io thread only.
class Engine {
 public:
  /// Locks the data root, opens the state, loads the drivers. Errors: as the parts'.
  Engine(asio::io_context& context, const Config& config);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Checks what needs the drivers and other files, and starts nothing. Errors: invalid.
  static void check_parts(const Config& config);

  /// Takes up what was there when the daemon ended or was killed. Once, before the first request.
  awaitable<void> recover();

  /// While it is held no driver is disabled, enabled or replaced.
  awaitable<AsyncMutex::Lock> hold_plugins();

  /// Takes over the keys that may change while the daemon runs, and tells so. All or nothing. With `hold_plugins`.
  /// Errors: invalid (a driver or an option of one), unavailable (a driver does not return from its opening).
  awaitable<void> reload(Config config);

  /// Ends the containers that are not to run on, within `shutdown-timeout`.
  awaitable<void> shut_down();

  /// Ends the event streams.
  void close();

  [[nodiscard]] const api::Router& router() const;

  /// See networks::Service.
  [[nodiscard]] std::string network_of(const sockaddr_storage& address) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::daemon
