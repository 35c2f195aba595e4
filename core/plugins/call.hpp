#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

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
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  [[nodiscard]] int fd() const noexcept { return event_fd_; }  ///< Readable once cancelled.

  /// Calls `listener` once on cancellation, from the thread that cancels; at once if that was before. It must not
  /// throw, nor call back into this source.
  using ListenerId = std::uint64_t;
  ListenerId listen(std::function<void()> listener);

  /// Once it has returned, the listener is not called any more.
  void forget(ListenerId listener) noexcept;

 private:
  int event_fd_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  ListenerId next_listener_ = 1;
  std::map<ListenerId, std::function<void()>> listeners_;
};

/// How one call into a driver is made.
struct CallSettings {
  std::shared_ptr<CancelSource> cancel{};           ///< May be null.
  std::chrono::milliseconds time_limit{0};          ///< 0: none.
  std::function<void(const Progress&)> progress{};  ///< Called on the driver's thread; may be empty.
  std::chrono::milliseconds grace{10'000};          ///< How long a cancelled call may take to return.
  const char* what = "a call";                      ///< For messages.
};

}  // namespace gantry::plugins
