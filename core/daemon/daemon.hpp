#pragma once

#include <boost/asio/signal_set.hpp>
#include <memory>
#include <vector>

#include "api/server.hpp"
#include "daemon/engine.hpp"
#include "daemon/options.hpp"

namespace gantry::daemon {

/// The daemon's life: start, serve, reload, end.
class Daemon {
 public:
  /// `command_line` with the file read into its config. Errors: as the parts'.
  Daemon(CommandLine command_line, Config config);

  /// Serves until a signal ends it. The process's exit status.
  int run();

 private:
  awaitable<void> serve();
  awaitable<void> watch_signals();
  awaitable<void> stop();
  void listen();
  awaitable<void> reload();

  CommandLine command_line_;
  Config config_;
  asio::io_context context_{1};
  asio::signal_set signals_;
  Engine engine_;
  api::Server server_;
  bool stopping_{};
  int status_{};
};

}  // namespace gantry::daemon
