#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/workers.hpp"

/// The core's concurrency: one thread runs the io_context and with it all state and all coroutines; whatever blocks
/// (drivers, disk) runs on a bounded pool and comes back. So the core's own data needs no locks.
///
/// g++ 12 double-frees an aggregate temporary that is passed to a coroutine: pass named locals, take arguments by
/// value.
namespace gantry {

namespace asio = boost::asio;
using asio::awaitable;

/// A mutex for coroutines of the io thread: held across co_await, first come first served.
class AsyncMutex {
 public:
  /// Unlocks when it goes out of scope.
  class Lock {
   public:
    explicit Lock(AsyncMutex* mutex) noexcept : mutex_(mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  awaitable<Lock> lock() {
    if (!locked_) {
      locked_ = true;
      co_return Lock{this};
    }
    auto turn =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    waiting_.push_back(turn);
    boost::system::error_code woken;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // unlock() handed the mutex over: locked_ stayed true.
    co_return Lock{this};
  }

  [[nodiscard]] bool locked() const noexcept { return locked_; }

 private:
  void unlock() {
    if (waiting_.empty()) {
      locked_ = false;
      return;
    }
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->cancel();
  }

  bool locked_ = false;
  std::deque<std::shared_ptr<asio::steady_timer>> waiting_;
};

}  // namespace gantry
