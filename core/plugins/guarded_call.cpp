#include "plugins/guarded_call.hpp"

#include <spdlog/spdlog.h>

#include "base/fatal_signal.hpp"
#include "base/time_in_words.hpp"
#include "plugins/foreign.hpp"
#include "plugins/given_up.hpp"
#include "plugins/log.hpp"

namespace gantry::plugins {
namespace {

std::string name_of(const DriverInfo& driver) { return "driver \"" + driver.name + "\""; }

}  // namespace

GuardedCall::GuardedCall(asio::any_io_executor io, std::shared_ptr<const DriverInfo> driver, CallSettings settings)
    : io_(std::move(io)), driver_(std::move(driver)), settings_(std::move(settings)) {
  if (settings_.time_limit.count() > 0) own_cancel_ = std::make_shared<CancelSource>();
}

GuardedCall::~GuardedCall() = default;

bool GuardedCall::cancelled() const noexcept {
  return (own_cancel_ && own_cancel_->cancelled()) || (settings_.cancel && settings_.cancel->cancelled());
}

int GuardedCall::cancel_fd() const noexcept {
  if (own_cancel_) return own_cancel_->fd();
  return settings_.cancel ? settings_.cancel->fd() : -1;
}

void GuardedCall::progress(const Progress& report) const {
  if (!settings_.progress) return;
  // Under the lock, so that nothing reaches a caller that has given the call up.
  const std::scoped_lock guard{mutex_};
  if (phase_ == Phase::running) settings_.progress(report);
}

void GuardedCall::log(LogLevel level, std::string_view message) const noexcept { log_line(*driver_, level, message); }

void GuardedCall::run(std::shared_ptr<GuardedCall> call) {
  if (!call->begin()) return;
  std::optional<Error> error;
  try {
    const Doing doing{"a call into the ", call->driver_->kind.c_str(), call->driver_->name.c_str()};
    call->invoke();
  } catch (...) {
    error = translate_exception(*call->driver_);
  }
  // The daemon may be on its way out, so not a word more.
  if (!call->finish(std::move(error))) Workers::retire_this_thread();
  const asio::any_io_executor io = call->io_;
  // The last reference goes back too: what the caller has captured is the io thread's to destroy.
  asio::post(io, [call = std::move(call)] {
    call->done_ = true;
    call->wake();
  });
}

void GuardedCall::run_here() {
  begin();
  try {
    const Doing doing{"a call into the ", driver_->kind.c_str(), driver_->name.c_str()};
    invoke();
  } catch (...) {
    throw Error{translate_exception(*driver_)};
  }
}

bool GuardedCall::begin() {
  const std::scoped_lock guard{mutex_};
  if (phase_ == Phase::abandoned) return false;
  phase_ = Phase::running;
  thread_ = std::this_thread::get_id();
  return true;
}

bool GuardedCall::finish(std::optional<Error> error) {
  const std::scoped_lock guard{mutex_};
  if (phase_ == Phase::abandoned) return false;
  error_ = std::move(error);
  phase_ = Phase::finished;
  return true;
}

/// Ties the call to the frame of the coroutine that waits for it.
class GuardedCall::Waiting {
 public:
  Waiting(GuardedCall& call, asio::steady_timer& timer) : call_(call) {
    call_.timer_ = &timer;
    if (!call_.settings_.cancel) return;
    listener_ = call_.settings_.cancel->listen([shared = call_.shared_from_this()] {
      if (shared->own_cancel_) shared->own_cancel_->cancel();
      asio::post(shared->io_, [shared] { shared->wake(); });
    });
  }
  ~Waiting() {
    if (call_.settings_.cancel) call_.settings_.cancel->forget(listener_);
    call_.timer_ = nullptr;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  GuardedCall& call_;
  CancelSource::ListenerId listener_ = 0;
};

void GuardedCall::wake() noexcept {
  if (timer_ != nullptr) timer_->cancel();
}

awaitable<void> GuardedCall::wait(Workers& workers, Pool pool) {
  asio::steady_timer timer{io_, asio::steady_timer::time_point::max()};
  if (settings_.time_limit.count() > 0) timer.expires_after(settings_.time_limit);
  const Waiting waiting{*this, timer};
  bool in_grace = false;
  while (!done_) {
    boost::system::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const bool expired = !woken;
    if (done_) break;
    if (in_grace) {
      if (expired && give_up(workers, pool)) throw GivenUp{given_up()};
      continue;
    }
    if (expired) {
      timed_out_ = true;
      own_cancel_->cancel();
    }
    if (!cancelled()) continue;
    if (drop()) throw dropped();
    in_grace = true;
    timer.expires_after(settings_.grace);
  }
  if (!error_) co_return;
  if (timed_out_ && error_->code() == Errc::cancelled) {
    throw Error{Errc::unavailable,
                name_of(*driver_) + " did not finish " + settings_.what + " within " + in_words(settings_.time_limit)};
  }
  throw Error{*error_};
}

/// Whether the call had not begun, and so never will.
bool GuardedCall::drop() {
  const std::scoped_lock guard{mutex_};
  if (phase_ != Phase::queued) return false;
  phase_ = Phase::abandoned;
  return true;
}

Error GuardedCall::dropped() const {
  if (!timed_out_) return Error{Errc::cancelled, "the operation was cancelled"};
  return Error{Errc::unavailable,
               "no thread was free for a call into " + name_of(*driver_) + " within " + in_words(settings_.time_limit)};
}

/// Whether the call is given up: not if it has just ended.
bool GuardedCall::give_up(Workers& workers, Pool pool) {
  const std::scoped_lock guard{mutex_};
  if (phase_ == Phase::finished) return false;
  workers.replace(pool, thread_);
  phase_ = Phase::abandoned;
  settings_.progress = nullptr;
  return true;
}

Error GuardedCall::given_up() const {
  const std::string patience =
      timed_out_ ? in_words(settings_.time_limit + settings_.grace) : in_words(settings_.grace) + " of being cancelled";
  const std::string message = name_of(*driver_) + " did not return from " + settings_.what + " within " + patience;
  spdlog::error("{}", message);
  return Error{Errc::unavailable, message};
}

}  // namespace gantry::plugins
