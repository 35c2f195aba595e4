#pragma once

#include <atomic>
#include <boost/asio/local/stream_protocol.hpp>
#include <map>
#include <memory>
#include <thread>

#include "base/async.hpp"
#include "build/loans.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::build {

/// Lends an agent to whoever connects to a listener, until that is shut down, or `stop`. Io thread only.
class AgentServer : public std::enable_shared_from_this<AgentServer> {
 public:
  /// `listener`: a unix socket that listens. Errors: invalid (it is none).
  AgentServer(asio::any_io_executor io, UniqueFd listener, std::shared_ptr<AgentLine> line);
  ~AgentServer();
  AgentServer(const AgentServer&) = delete;
  AgentServer& operator=(const AgentServer&) = delete;

  /// Errors: exhausted (there is no thread for it).
  void start();
  /// Nobody can connect to the listener any more. May be repeated.
  void stop();
  /// Whether nobody can connect any more.
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  using Socket = asio::local::stream_protocol::socket;

  void accept(const std::weak_ptr<AgentServer>& self);
  void take(UniqueFd client);
  awaitable<void> serve(Socket& socket);

  asio::any_io_executor io_;
  UniqueFd listener_;
  std::shared_ptr<AgentLine> line_;
  /// The listener is the driver's too, which may make it block at any time.
  std::thread accepting_;
  std::atomic<bool> ended_ = false;
  std::atomic<std::size_t> open_ = 0;  ///< Connections, also those that are on their way to the io thread.
  std::map<std::size_t, Socket> clients_;
  std::size_t next_ = 0;
};

}  // namespace gantry::build
