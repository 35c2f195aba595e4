#pragma once

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "base/async.hpp"

namespace gantry::containers {

/// Runs all of `tasks` at the same time and returns when every one has ended; then throws what the first that failed
/// threw.
inline awaitable<void> all_of(std::vector<awaitable<void>> tasks) {
  struct Shared {
    explicit Shared(asio::any_io_executor executor) : done(std::move(executor)) {
      done.expires_at(asio::steady_timer::time_point::max());
    }
    asio::steady_timer done;
    std::size_t left{};
    std::exception_ptr failure;
  };
  const auto executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<Shared>(executor);
  shared->left = tasks.size();
  for (auto& task : tasks) {
    asio::co_spawn(executor, std::move(task), [shared](std::exception_ptr failure) {
      if (failure && !shared->failure) shared->failure = failure;
      if (--shared->left == 0) shared->done.cancel();
    });
  }
  while (shared->left != 0) {
    boost::system::error_code woken;
    co_await shared->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (shared->failure) std::rethrow_exception(shared->failure);
}

}  // namespace gantry::containers
