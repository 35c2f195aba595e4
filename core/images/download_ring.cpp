#include "images/download_ring.hpp"

#include <algorithm>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::images {

void DownloadRing::write(std::span<const std::byte> bytes) {
  std::unique_lock lock{mutex_};
  while (!bytes.empty()) {
    writer_.wait(lock, [this] { return !buffer_.is_full() || reader_left_; });
    if (reader_left_) throw Error{Errc::cancelled, "the client has gone away"};
    const std::span<std::byte> room = buffer_.room();
    const std::size_t part = std::min(bytes.size(), room.size());
    // What is free stays so: the reader takes away, and nobody else fills.
    lock.unlock();
    std::memcpy(room.data(), bytes.data(), part);
    lock.lock();
    buffer_.add(part);
    wake_reader();
    bytes = bytes.subspan(part);
  }
}

void DownloadRing::end() {
  const std::lock_guard lock{mutex_};
  ended_ = true;
  wake_reader();
}

awaitable<std::span<const std::byte>> DownloadRing::next() {
  for (;;) {
    {
      const std::lock_guard lock{mutex_};
      if (buffer_.held() > 0 || ended_) co_return buffer_.waiting();
      reader_waits_ = true;
    }
    // Whoever wakes it up does so on this thread, and so not before it waits.
    boost::system::error_code woken;
    co_await reader_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

void DownloadRing::taken(std::size_t count) {
  const std::lock_guard lock{mutex_};
  buffer_.take(count);
  // Seldom, so that the two do not wake each other up for every piece.
  if (buffer_.held() <= buffer_.size() / 2) writer_.notify_one();
}

void DownloadRing::leave() {
  const std::lock_guard lock{mutex_};
  reader_left_ = true;
  writer_.notify_one();
}

void DownloadRing::wake_reader() {
  if (!reader_waits_) return;
  reader_waits_ = false;
  asio::post(reader_.get_executor(), [self = shared_from_this()] { self->reader_.cancel(); });
}

}  // namespace gantry::images
