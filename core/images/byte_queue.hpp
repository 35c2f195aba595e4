#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <vector>

#include "gantry/stream.hpp"

namespace gantry::images {

/// A bounded queue of bytes between two threads: one writes, one reads. Memory is at most `chunks` + 2 pieces of
/// `chunk_size`, used again and again.
class ByteQueue final : public ByteSink, public ByteSource {
 public:
  explicit ByteQueue(std::size_t chunks = 4, std::size_t chunk_size = std::size_t{256} << 10)
      : limit_(chunks), chunk_size_(chunk_size) {}

  /// Blocks while the queue is full. Errors: what `fail` was called with.
  void write(std::span<const std::byte> bytes) override;

  /// Blocks until there is something; 0 after `finish`. Errors: what `fail` was called with, at once.
  std::size_t read(std::span<std::byte> buffer) override;

  /// The writer's last word: nothing more comes and all that came is good.
  void finish();

  /// Either side gives up: the other gets the exception. Only the first counts; nothing happens once the reader has
  /// seen the end.
  void fail(std::exception_ptr error) noexcept;

  /// The reader wants no more: what is written from now on is dropped.
  void discard() noexcept;

 private:
  struct Chunk {
    std::vector<std::byte> bytes;
    std::size_t begin{};
  };
  void push_filling(std::unique_lock<std::mutex>& lock);

  const std::size_t limit_;
  const std::size_t chunk_size_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Chunk> full_;
  std::vector<std::vector<std::byte>> spare_;
  Chunk filling_;  // the writer's alone
  Chunk reading_;  // the reader's alone
  std::exception_ptr error_;
  bool finished_{};
  bool discarded_{};
};

}  // namespace gantry::images
