#pragma once

#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "api/connection.hpp"
#include "api/listen.hpp"
#include "api/router.hpp"

namespace gantry::api {

/// Serves the API on any number of sockets. Io thread only.
class Server {
 public:
  /// `router` must outlive the server.
  Server(asio::io_context& context, const Router& router, Limits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Why somebody who connects by tcp is not served; empty: he is.
  using Refuse = std::function<std::string(const sockaddr_storage& peer)>;
  /// Before `listen`.
  void refuse(Refuse refuse);

  /// Starts to accept.
  void listen(Listener listener);

  /// Closes the listeners; connections go on.
  void stop_accepting();

  /// Stops accepting, ends idle and hijacked connections, tells streams that their client is gone, waits for requests
  /// under way up to `grace`, then ends all.
  awaitable<void> stop(std::chrono::milliseconds grace);

  [[nodiscard]] std::size_t connections() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gantry::api
