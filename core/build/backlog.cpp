#include "build/backlog.hpp"

namespace gantry::build {

std::shared_ptr<const void> Backlog::hold(std::size_t bytes) {
  const std::scoped_lock guard{mutex_};
  bytes_ += bytes;
  return {this, [self = shared_from_this(), bytes](const void*) { self->release(bytes); }};
}

void Backlog::release(std::size_t bytes) noexcept {
  {
    const std::scoped_lock guard{mutex_};
    const bool was_full = bytes_ > kMost;
    bytes_ -= bytes;
    if (!was_full || bytes_ > kMost) return;
  }
  changed_.notify_all();
  asio::post(io_, [self = shared_from_this()] { self->room_.cancel(); });
}

bool Backlog::full() const {
  const std::scoped_lock guard{mutex_};
  return bytes_ > kMost && !ended_;
}

void Backlog::wait() {
  std::unique_lock guard{mutex_};
  changed_.wait(guard, [this] { return bytes_ <= kMost || ended_; });
}

awaitable<void> Backlog::room() {
  while (full()) {
    boost::system::error_code woken;
    co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

void Backlog::end() noexcept {
  {
    const std::scoped_lock guard{mutex_};
    ended_ = true;
  }
  changed_.notify_all();
  asio::post(io_, [self = shared_from_this()] { self->room_.cancel(); });
}

}  // namespace gantry::build
