#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

#include "forward.hpp"

namespace gantry::fluentd {

/// Messages that a thread of its own sends, in order, so that whoever logs does not wait for the server
/// (fluentd-async).
class Queue {
 public:
  Queue(Forward& server, std::uint64_t limit);
  ~Queue();  ///< Sends what waits, if the server takes it at once.
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// False if too many wait: it is lost.
  bool add(Message message);

 private:
  void run();

  Forward& server_;
  std::uint64_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Message> waiting_;
  std::size_t bytes_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace gantry::fluentd
