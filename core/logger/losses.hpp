#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace gantry::logger {

/// Tells the daemon's log of a container's lines that were lost: by files in a folder of which the daemon takes them
/// (core/containers/log_notices.hpp), as it may be away just then. Any thread.
class Losses {
 public:
  /// `folder` empty: nobody is told. `driver`: the log driver's file.
  Losses(std::string folder, std::string container, std::string driver);
  ~Losses();  ///< Tells of those that failed and were not told yet.
  Losses(const Losses&) = delete;
  Losses& operator=(const Losses&) = delete;

  /// What counts the entries that need nobody's care any more: of those that failed when they were told.
  void count_told_in(std::atomic<std::uint64_t>* done) { done_ = done; }
  /// How often failures are told. Before the first one.
  void set_interval(std::chrono::milliseconds interval) { interval_ = interval; }

  /// By a process in this one's place, which ended too early. Whether that was told.
  bool by_predecessor(std::uint64_t lines);
  void dropped(std::uint64_t lines);  ///< By the shim (mode=non-blocking).
  void cannot_begin(const std::string& reason);
  void cannot_end(const std::string& reason);
  void failed(const std::string& reason);  ///< One line. The first is told at once, those that follow now and then.
  void at_end(std::uint64_t lines);        ///< Those that the driver has not taken in time; and as the destructor.

 private:
  [[nodiscard]] bool tell(const std::string& text) const;
  void tell_failures();
  void tell_now_and_then();

  std::string folder_;
  std::string container_;
  std::string driver_;
  std::atomic<std::uint64_t>* done_ = nullptr;
  std::chrono::milliseconds interval_{60'000};

  std::mutex mutex_;
  std::uint64_t failures_ = 0;  ///< Of which nobody was told.
  std::string last_reason_;
  std::chrono::steady_clock::time_point told_;
  bool over_ = false;
  std::condition_variable changed_;
  std::thread teller_;  ///< From the first failure on that was not told at once.
};

}  // namespace gantry::logger
