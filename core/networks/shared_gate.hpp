#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/async.hpp"

namespace gantry::networks {

/// Many may be inside at once; whoever closes it waits until all have left, and keeps others out meanwhile. Io thread
/// only.
class SharedGate {
 public:
  /// Leaves, or opens again, when it goes out of scope.
  class Pass {
   public:
    Pass(SharedGate* gate, int count) noexcept : gate_(gate), count_(count) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), count_(other.count_) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_ != nullptr) gate_->leave(count_);
    }

   private:
    SharedGate* gate_;
    int count_;
  };

  awaitable<Pass> enter() {
    while (closed_) co_await changed();
    ++inside_;
    co_return Pass{this, 1};
  }

  awaitable<Pass> close() {
    while (closed_) co_await changed();
    closed_ = true;
    while (inside_ > 0) co_await changed();
    co_return Pass{this, 0};
  }

 private:
  awaitable<void> changed() {
    auto turn =
        std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    waiting_.push_back(turn);
    boost::system::error_code woken;
    co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  /// Of no one: the gate was closed by who leaves.
  void leave(int count) {
    inside_ -= count;
    if (count == 0) closed_ = false;
    for (const auto& turn : std::exchange(waiting_, {})) turn->cancel();
  }

  int inside_ = 0;
  bool closed_ = false;
  std::vector<std::shared_ptr<asio::steady_timer>> waiting_;
};

}  // namespace gantry::networks
