#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "gantry/unique_fd.hpp"

namespace gantry::net_link {

/// A thread kept for work inside of other network namespaces, so that no thread of the daemon's pools ever changes its
/// own.
class NamespaceThread {
 public:
  NamespaceThread();
  ~NamespaceThread();
  NamespaceThread(const NamespaceThread&) = delete;
  NamespaceThread& operator=(const NamespaceThread&) = delete;

  /// Runs `work` inside of `netns` and returns when it is done; its exception comes back. One at a time.
  void run(int netns, const std::function<void()>& work);

 private:
  void serve();

  UniqueFd own_;  ///< The namespace that the thread goes back to: a kept one would outlive its container.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::net_link
