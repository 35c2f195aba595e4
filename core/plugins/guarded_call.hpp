#pragma once

#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>

#include "base/async.hpp"
#include "plugins/call.hpp"
#include "plugins/handle.hpp"

namespace gantry::plugins {

/// One call into a driver, shared by the coroutine that waits and the pool's thread that makes it. The first to reach
/// its end decides: the thread finishes the call, or the coroutine gives it up.
class GuardedCall : public Call, public std::enable_shared_from_this<GuardedCall> {
 public:
  GuardedCall(asio::any_io_executor io, std::shared_ptr<const DriverInfo> driver, CallSettings settings);
  ~GuardedCall() override;

  bool cancelled() const noexcept override;
  int cancel_fd() const noexcept override;
  void progress(const Progress& report) const override;
  void log(LogLevel level, std::string_view message) const noexcept override;

  /// On the pool's thread: makes the call and wakes the coroutine up. Does not return if the call was given up.
  static void run(std::shared_ptr<GuardedCall> call);

  /// Makes the call at once, on the caller's thread. Errors: the driver's, as gantry::Error.
  void run_here();

  /// On the io thread: returns once the driver has, its error thrown as gantry::Error. Errors: also unavailable
  /// (the time limit passed, or the driver was given up), cancelled.
  awaitable<void> wait(Workers& workers, Pool pool);

 protected:
  /// Calls the driver and keeps the result.
  virtual void invoke() = 0;

 private:
  enum class Phase { queued, running, finished, abandoned };

  class Waiting;

  bool begin();                             // false if nobody waits for the call any more
  bool finish(std::optional<Error> error);  // likewise
  void wake() noexcept;
  bool drop();
  [[nodiscard]] Error dropped() const;
  bool give_up(Workers& workers, Pool pool);
  [[nodiscard]] Error given_up() const;

  asio::any_io_executor io_;
  std::shared_ptr<const DriverInfo> driver_;
  CallSettings settings_;
  std::shared_ptr<CancelSource> own_cancel_;  // with a time limit, which is not the operation's to cancel

  mutable std::mutex mutex_;
  Phase phase_ = Phase::queued;
  std::thread::id thread_;

  std::optional<Error> error_;  // the thread's, then the io thread's

  asio::steady_timer* timer_ = nullptr;  // from here on the io thread's
  bool done_ = false;
  bool timed_out_ = false;
};

template <class Driver, class Work>
class TypedCall final : public GuardedCall {
 public:
  using Result = std::invoke_result_t<Work, Driver&, const Call&>;

  TypedCall(asio::any_io_executor io, Handle<Driver> handle, CallSettings settings, Work work)
      : GuardedCall(std::move(io), handle.shared_info(), std::move(settings)),
        driver_(handle.driver()),
        work_(std::move(work)) {}

  Result take() {
    if constexpr (!std::is_void_v<Result>) return std::move(*result_);
  }

 private:
  void invoke() override {
    if constexpr (std::is_void_v<Result>) {
      work_(*driver_, static_cast<const Call&>(*this));
    } else {
      result_.emplace(work_(*driver_, static_cast<const Call&>(*this)));
    }
  }

  std::shared_ptr<Driver> driver_;
  Work work_;
  std::conditional_t<std::is_void_v<Result>, char, std::optional<Result>> result_{};
};

/// What `Drivers::call` does.
template <class Driver, class Work>
awaitable<std::invoke_result_t<Work, Driver&, const Call&>> guarded_call(Workers& workers, Handle<Driver> handle,
                                                                         Pool pool, CallSettings settings, Work work) {
  const auto call = std::make_shared<TypedCall<Driver, Work>>(co_await asio::this_coro::executor, std::move(handle),
                                                              std::move(settings), std::move(work));
  workers.post(pool, [shared = std::shared_ptr<GuardedCall>{call}]() mutable { GuardedCall::run(std::move(shared)); });
  co_await call->wait(workers, pool);
  co_return call->take();
}

/// What `Drivers::call_here` does.
template <class Driver, class Work>
std::invoke_result_t<Work, Driver&, const Call&> guarded_call_here(Handle<Driver> handle, Work work) {
  TypedCall<Driver, Work> call{{}, std::move(handle), {}, std::move(work)};
  call.run_here();
  return call.take();
}

}  // namespace gantry::plugins
