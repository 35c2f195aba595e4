#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "api/exchange.hpp"
#include "base/async.hpp"

/// The server's side of RFC 6455, as much as a stream of bytes needs.
namespace gantry::api {

/// The answer to Sec-WebSocket-Key.
std::string websocket_accept(const std::string& key);

/// One frame of data from the server.
std::string websocket_frame(std::string_view payload, bool text = false);

/// Takes a client's frames apart; they may come in pieces.
class WebSocketDecoder {
 public:
  /// Appends the data in `input` to `data` and what has to be answered at once (a pong, a close) to `replies`.
  /// Errors: invalid (a frame that is not masked, too long a control frame).
  void decode(std::string_view input, std::string& data, std::string& replies);
  /// Whether the client has said that it closes.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  bool take_head();
  void end_frame(std::string& replies);

  std::string head_;
  std::uint8_t opcode_{};
  std::array<char, 4> mask_{};
  std::uint64_t left_{};   ///< Bytes of the present frame that have not come yet.
  std::uint64_t taken_{};  ///< And those that have: the mask goes by them.
  bool in_frame_{};
  std::string control_;  ///< A control frame's payload so far.
  bool closed_{};
};

/// A client's WebSocket as the stream that it carries.
class WebSocketStream final : public Upgraded {
 public:
  /// `text`: its frames are marked as text, as for clients before 1.28.
  WebSocketStream(std::shared_ptr<Upgraded> connection, bool text) : connection_(std::move(connection)), text_(text) {}

  awaitable<std::size_t> read(std::span<std::byte> buffer) override;
  awaitable<void> write(std::string_view bytes) override;
  /// Says that no more comes.
  awaitable<void> close_write() override;
  void close() override { connection_->close(); }
  awaitable<void> gone() override;

 private:
  awaitable<void> send(std::string bytes);

  std::shared_ptr<Upgraded> connection_;
  bool text_;
  WebSocketDecoder decoder_;
  std::string data_;    ///< Decoded and not read yet.
  AsyncMutex sending_;  ///< Pongs and output come from two coroutines.
  bool said_goodbye_{};
};

}  // namespace gantry::api
