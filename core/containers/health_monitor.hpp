#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <memory>

#include "base/async.hpp"
#include "containers/exec.hpp"
#include "containers/health.hpp"

namespace gantry::containers {

/// One run's probing, from a start (or unpause) to the end (or pause). Io thread only.
class HealthMonitor {
 public:
  explicit HealthMonitor(asio::any_io_executor executor) : timer_(std::move(executor)) {}

  /// Nothing is probed any more; a probe that is under way is killed.
  void stop();
  [[nodiscard]] bool stopped() const { return stopped_; }

  /// True once `over` says so, false when the time is up or the monitor was stopped.
  template <class Condition>
  awaitable<bool> wait(std::chrono::nanoseconds limit, const Condition& over) {
    timer_.expires_after(limit);
    boost::system::error_code woken = asio::error::operation_aborted;
    while (!over() && !stopped_ && woken) {
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    co_return over();
  }
  void wake() { timer_.cancel(); }

 private:
  asio::steady_timer timer_;
  bool stopped_{};
};

/// A probe that runs: its exec and what it writes.
struct Probe {
  Probe(asio::any_io_executor executor, std::shared_ptr<Exec> its_exec)
      : exec(std::move(its_exec)), streams(std::move(executor)) {}

  std::shared_ptr<Exec> exec;
  asio::local::stream_protocol::socket streams;
  ProbeOutput output;
  bool output_ended{};
};

}  // namespace gantry::containers
