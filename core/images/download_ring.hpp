#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>

#include "base/async.hpp"
#include "gantry/stream.hpp"
#include "images/ring_buffer.hpp"

namespace gantry::images {

/// The bytes of a download on their way from a worker, which blocks while the client is behind, to a coroutine of the
/// io thread, which sends them from where they stay.
class DownloadRing final : public ByteSink, public std::enable_shared_from_this<DownloadRing> {
 public:
  explicit DownloadRing(const asio::any_io_executor& io, std::size_t size = std::size_t{1} << 20)
      : buffer_(size), reader_(io, asio::steady_timer::time_point::max()) {}

  /// Worker: blocks until all of `bytes` have a place. Errors: cancelled (the reader has left).
  void write(std::span<const std::byte> bytes) override;
  /// Nothing more comes.
  void end();

  /// Io thread: the next bytes, once there are any; empty at the end.
  awaitable<std::span<const std::byte>> next();
  /// Io thread: the first `count` of them are not needed any more.
  void taken(std::size_t count);
  /// Io thread: no more is wanted.
  void leave();

 private:
  /// With the lock held.
  void wake_reader();

  RingBuffer buffer_;
  asio::steady_timer reader_;  // io thread only
  std::mutex mutex_;
  std::condition_variable writer_;
  bool reader_waits_{};
  bool reader_left_{};
  bool ended_{};
};

}  // namespace gantry::images
