#pragma once

#include <functional>
#include <memory>

namespace gantry::networks {

/// A thread kept for work inside of other network namespaces, so that no thread of the daemon's pools ever changes its
/// own.
class NamespaceThread {
 public:
  NamespaceThread();
  ~NamespaceThread();

  /// Runs `work` inside of `netns` and returns when it is done; its exception comes back. Any thread; one at a time.
  void run(int netns, const std::function<void()>& work);

 private:
  struct Queue;
  std::unique_ptr<Queue> queue_;
};

/// Sets the loopback of the calling thread's network namespace up.
void set_loopback_up();

}  // namespace gantry::networks
