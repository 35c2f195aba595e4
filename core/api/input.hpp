#pragma once

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "api/transport.hpp"
#include "api/wakeup.hpp"

namespace gantry::api {

/// What a client has sent and nobody has taken yet. Reading runs beside whoever waits for it, so that a wait can be
/// cancelled without losing bytes, and so that the client's end is noticed while nobody wants its bytes.
class Input : public std::enable_shared_from_this<Input> {
 public:
  Input(std::shared_ptr<Transport> transport, std::size_t limit);

  [[nodiscard]] std::string_view available() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes);

  /// Keeps up to `bytes` from now on; what is there already stays.
  void limit(std::size_t bytes) {
    limit_ = bytes;
    piece_ = std::min(piece_, bytes);
  }

  /// Waits for more than there is: false at the end of the input.
  awaitable<bool> fill();

  /// Waits for the end of the input, keeping up to `limit` bytes of what comes before.
  awaitable<void> ended();

  /// Lets `ended` return although more may come.
  void release() {
    released_ = true;
    changed_.notify();
  }

  /// Ends the input from this side, after the transport was closed.
  void end() {
    ended_ = true;
    changed_.notify();
  }

 private:
  static awaitable<void> read(std::shared_ptr<Input> self);
  /// Starts to read unless that is under way; false if there is no room or nothing to come.
  bool start(const asio::any_io_executor& executor);
  /// Reads more at a time while much comes, and little again when little does: idle connections are many.
  void adapt(std::size_t got, std::size_t room);

  std::shared_ptr<Transport> transport_;
  std::size_t limit_;
  std::size_t piece_;
  std::vector<char> buffer_;
  std::size_t begin_{};
  std::size_t end_{};
  bool reading_{};
  bool ended_{};
  bool released_{};
  Wakeup changed_;
};

}  // namespace gantry::api
