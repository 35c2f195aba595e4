#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/async.hpp"
#include "gantry/call.hpp"

namespace gantry::plugins {

/// Cancels calls into drivers: made by whoever starts an operation, shared with the calls. Any thread.
class CancelSource {
 public:
  CancelSource();
  ~CancelSource();
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;

  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept;
  [[nodiscard]] int fd() const noexcept;  ///< Readable once cancelled.

 private:
  int event_fd_;
};

/// How one call into a driver is made.
struct CallSettings {
  std::shared_ptr<CancelSource> cancel;                 ///< May be null.
  std::chrono::milliseconds time_limit{0};              ///< 0: none.
  std::function<void(const Progress&)> progress;        ///< Called on the driver's thread; may be empty.
};

}  // namespace gantry::plugins
