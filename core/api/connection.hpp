#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "api/input.hpp"
#include "api/router.hpp"
#include "api/transport.hpp"

namespace gantry::api {

/// What a client may take up.
struct Limits {
  std::uint32_t header_bytes{(1024 + 4) * 1024};  ///< As many as Go's server takes.
  std::uint32_t common_header_bytes{128 * 1024};
  std::size_t large_headers{128};  ///< How many requests with more than that there may be at a time.
  std::size_t connections{4096};
  std::size_t drained_body_bytes{256 * 1024};  ///< Of a body that its handler did not read.
  std::chrono::milliseconds handshake_time{10'000};
  std::chrono::milliseconds header_time{30'000};   ///< From a request's first byte to the end of its header.
  std::chrono::milliseconds idle_time{300'000};    ///< Between requests.
  std::chrono::milliseconds answer_time{300'000};  ///< To take a whole answer.
  std::chrono::milliseconds linger_time{2'000};    ///< For the client to see the end of an answer.
};

class LargeHeader;
class RequestParser;

/// One client's connection: HTTP/1.1 requests one after the other until it ends or is taken over for a stream.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// `large_headers` counts those of all connections.
  Connection(std::shared_ptr<Transport> transport, const Router& router, const Limits& limits,
             std::size_t& large_headers, asio::any_io_executor executor);
  ~Connection();

  /// Serves until the end. Never throws.
  static awaitable<void> run(std::shared_ptr<Connection> self);

  /// Ends the connection now.
  void close();

  /// Ends the connection after the request under way, which no longer waits for its client; at once if there is none,
  /// or if it was hijacked.
  void finish();

 private:
  friend class HttpExchange;
  awaitable<bool> shake_hands();
  awaitable<void> serve();
  awaitable<bool> serve_request();
  /// False if there is none to be had; then the client has been told.
  awaitable<bool> read_head(RequestParser& parser, LargeHeader& large);
  awaitable<void> linger();
  /// Closes the connection unless called again in time; zero: no limit.
  void set_deadline(std::chrono::milliseconds time);

  std::shared_ptr<Transport> transport_;
  std::shared_ptr<Input> input_;
  const Router& router_;
  const Limits& limits_;
  std::size_t& large_headers_;
  asio::steady_timer deadline_;
  bool idle_{true};
  bool finishing_{};
  bool upgraded_{};
};

}  // namespace gantry::api
