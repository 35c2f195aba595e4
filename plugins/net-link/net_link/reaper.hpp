#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::net_link {

/// Does the slow part of a detach behind the caller's back: the kernel waits for a grace period when it deletes an
/// interface.
class Reaper {
 public:
  Reaper() : thread_([this] { serve(); }) {}
  ~Reaper();  ///< Finishes what is queued.
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  /// Runs `work` later, in order; it must not throw. `key` names what it takes away.
  void submit(std::string key, std::function<void()> work);

  [[nodiscard]] bool pending(const std::string& key) const;
  /// All that is pending.
  [[nodiscard]] std::vector<std::string> keys() const;

  /// Returns when everything that was queued before is done.
  void drain();

 private:
  void serve();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::pair<std::string, std::function<void()>>> queue_;
  std::set<std::string> keys_;  ///< Queued or under way.
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::net_link
