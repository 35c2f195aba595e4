#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace gantry::isolated {

/// The ends of drivers' processes that are under way: whoever gives a driver up does not wait for them. Any thread.
class Ends {
 public:
  void begin() {
    const std::scoped_lock guard{mutex_};
    ++count_;
  }
  void done() {
    const std::scoped_lock guard{mutex_};
    --count_;
    none_.notify_all();
  }
  /// Blocks until there are none: some seconds, as a process that does not end is killed. False: that was of no avail
  /// either, as with one that waits for a disk or a server for ever.
  [[nodiscard]] bool wait(std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    std::unique_lock guard{mutex_};
    return none_.wait_for(guard, limit, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

}  // namespace gantry::isolated
