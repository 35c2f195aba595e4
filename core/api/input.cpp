#include "api/input.hpp"

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::api {

namespace {

constexpr std::size_t kInputPiece = 8 * 1024;
/// What is read at a time of a body that comes faster than it is taken.
constexpr std::size_t kLargestPiece = 256 * 1024;

awaitable<void> throw_if_cancelled() {
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    throw Error{Errc::cancelled, "no longer waiting for the client"};
  }
}

}  // namespace

Input::Input(std::shared_ptr<Transport> transport, std::size_t limit)
    : transport_(std::move(transport)), limit_(limit), piece_(std::min(kInputPiece, limit)) {}

void Input::consume(std::size_t bytes) {
  begin_ += bytes;
  if (begin_ != end_ || reading_) return;
  begin_ = end_ = 0;
  if (buffer_.size() > piece_) buffer_ = std::vector<char>(piece_);
}

bool Input::start(const asio::any_io_executor& executor) {
  if (reading_) return true;
  if (ended_) return false;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ >= limit_) return false;
  if (buffer_.size() == end_ || buffer_.size() < piece_) {
    buffer_.resize(std::min(limit_, std::max(piece_, buffer_.size() * 2)));
  }
  reading_ = true;
  asio::co_spawn(executor, read(shared_from_this()), asio::detached);
  return true;
}

awaitable<void> Input::read(std::shared_ptr<Input> self) {
  const std::size_t room = self->buffer_.size() - self->end_;
  const std::size_t got = co_await self->transport_->read(asio::buffer(self->buffer_.data() + self->end_, room));
  self->reading_ = false;
  self->adapt(got, room);
  self->ended_ = self->ended_ || got == 0;
  self->end_ += got;
  self->changed_.notify();
}

void Input::adapt(std::size_t got, std::size_t room) {
  if (got == room) {
    piece_ = std::min({piece_ * 2, kLargestPiece, limit_});
  } else if (got <= kInputPiece) {
    piece_ = std::min(kInputPiece, limit_);
  }
}

awaitable<bool> Input::fill() {
  const std::size_t had = available().size();
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  if (!start(executor)) co_return false;
  while (reading_) {
    co_await changed_.wait();
    co_await throw_if_cancelled();
  }
  co_return available().size() > had;
}

awaitable<void> Input::ended() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  while (!ended_ && !released_) {
    start(executor);
    co_await changed_.wait();
    co_await throw_if_cancelled();
  }
}

}  // namespace gantry::api
