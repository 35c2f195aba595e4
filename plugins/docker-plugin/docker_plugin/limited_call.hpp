#pragma once

#include <chrono>

#include "gantry/call.hpp"

namespace gantry::docker_plugin {

/// A call that ends by itself after a time, whoever does not answer. `cancellable`: also when the caller's ends.
class LimitedCall final : public Call {
 public:
  LimitedCall(const Call& call, std::chrono::milliseconds limit, bool cancellable = true)
      : call_(call), end_(std::chrono::steady_clock::now() + limit), cancellable_(cancellable) {}

  /// It takes something back, whatever has become of the caller.
  [[nodiscard]] bool is_farewell() const noexcept { return !cancellable_; }
  [[nodiscard]] bool expired() const noexcept { return std::chrono::steady_clock::now() >= end_; }
  bool cancelled() const noexcept override { return expired() || (cancellable_ && call_.cancelled()); }
  int cancel_fd() const noexcept override { return cancellable_ ? call_.cancel_fd() : -1; }
  void progress(const Progress& report) const override { call_.progress(report); }
  void log(LogLevel level, std::string_view message) const noexcept override { call_.log(level, message); }

 private:
  const Call& call_;
  std::chrono::steady_clock::time_point end_;
  bool cancellable_;
};

}  // namespace gantry::docker_plugin
