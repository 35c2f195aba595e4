#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>

#include "base/async.hpp"
#include "images/ring_buffer.hpp"

namespace gantry::images {

/// The bytes of an upload on their way from a coroutine of the io thread, which fills them in where they stay, to a
/// worker that blocks for them.
class UploadRing : public std::enable_shared_from_this<UploadRing> {
 public:
  explicit UploadRing(const asio::any_io_executor& io, std::size_t size = std::size_t{1} << 20)
      : buffer_(size), writer_(io, asio::steady_timer::time_point::max()) {}

  /// Io thread: where the next bytes go, once there is room; empty when the reader has left.
  awaitable<std::span<std::byte>> room();
  /// Io thread: so many were put there.
  void filled(std::size_t count);
  /// Io thread: nothing more comes. An upload that is not `whole` is an error to the reader, behind all that came.
  void end(bool whole);

  /// Worker: blocks for at least one byte; 0 at the end. Errors: cancelled (the upload broke off).
  std::size_t read(std::span<std::byte> out);
  /// Worker: no more is wanted.
  void leave();

 private:
  /// With the lock held.
  void wake_writer();

  RingBuffer buffer_;
  asio::steady_timer writer_;  // io thread only
  std::mutex mutex_;
  std::condition_variable reader_;
  bool writer_waits_{};
  bool reader_left_{};
  bool ended_{};
  bool whole_{};
};

}  // namespace gantry::images
