#include "images/upload_ring.hpp"

#include <algorithm>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::images {

awaitable<std::span<std::byte>> UploadRing::room() {
  for (;;) {
    {
      const std::lock_guard lock{mutex_};
      if (reader_left_) co_return std::span<std::byte>{};
      if (!buffer_.is_full()) co_return buffer_.room();
      writer_waits_ = true;
    }
    // Whoever wakes it up does so on this thread, and so not before it waits.
    boost::system::error_code woken;
    co_await writer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

void UploadRing::filled(std::size_t count) {
  const std::lock_guard lock{mutex_};
  if (buffer_.held() == 0) reader_.notify_one();
  buffer_.add(count);
}

void UploadRing::end(bool whole) {
  const std::lock_guard lock{mutex_};
  if (ended_) return;
  ended_ = true;
  whole_ = whole;
  reader_.notify_one();
}

std::size_t UploadRing::read(std::span<std::byte> out) {
  std::unique_lock lock{mutex_};
  reader_.wait(lock, [this] { return buffer_.held() > 0 || ended_; });
  if (buffer_.held() == 0 && !whole_) throw Error{Errc::cancelled, "unexpected EOF"};
  const std::span<const std::byte> waiting = buffer_.waiting();
  const std::size_t part = std::min(out.size(), waiting.size());
  if (part == 0) return 0;
  lock.unlock();
  std::memcpy(out.data(), waiting.data(), part);
  lock.lock();
  buffer_.take(part);
  // Seldom, so that the two do not wake each other up for every piece.
  if (buffer_.held() <= buffer_.size() / 2) wake_writer();
  return part;
}

void UploadRing::leave() {
  const std::lock_guard lock{mutex_};
  reader_left_ = true;
  wake_writer();
}

void UploadRing::wake_writer() {
  if (!writer_waits_) return;
  writer_waits_ = false;
  asio::post(writer_.get_executor(), [self = shared_from_this()] { self->writer_.cancel(); });
}

}  // namespace gantry::images
