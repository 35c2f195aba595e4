#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "base/async.hpp"

namespace gantry::images {

/// A coroutine that runs beside its caller and is awaited later, by any number of others. Io thread only.
class BackgroundTask {
 public:
  BackgroundTask() = default;

  /// `on_end` is called when `done` has become true.
  BackgroundTask(asio::any_io_executor executor, awaitable<void> work, std::function<void()> on_end = {})
      : state_(std::make_shared<State>(executor)) {
    asio::co_spawn(executor, std::move(work), [state = state_, on_end = std::move(on_end)](std::exception_ptr error) {
      state->done = true;
      state->error = std::move(error);
      state->ended.cancel();
      if (on_end) on_end();
    });
  }

  [[nodiscard]] bool done() const noexcept { return state_ == nullptr || state_->done; }

  /// Returns when the work has ended.
  awaitable<void> wait() const {
    const auto state = state_;
    while (state != nullptr && !state->done) {
      boost::system::error_code woken;
      co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }

  /// The same, with the work's exception.
  awaitable<void> join() const {
    co_await wait();
    if (state_ != nullptr && state_->error) std::rethrow_exception(state_->error);
  }

  [[nodiscard]] std::exception_ptr error() const { return state_ == nullptr ? nullptr : state_->error; }

 private:
  struct State {
    explicit State(const asio::any_io_executor& executor) : ended(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer ended;
    std::exception_ptr error;
    bool done{};
  };
  std::shared_ptr<State> state_;
};

}  // namespace gantry::images
