#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/loop.hpp"

namespace gantry::container_shim {

/// What a program beside the shim has done, in memory of both.
class SharedCounter {
 public:
  SharedCounter();
  ~SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  void reset() {
    if (values_ != nullptr) values_->done = values_->told = 0;
  }
  [[nodiscard]] std::uint64_t get() const { return values_ == nullptr ? 0 : values_->done.load(); }
  /// Whether it has told what it was given to tell when it was started.
  [[nodiscard]] bool told() const { return values_ != nullptr && values_->told != 0; }
  [[nodiscard]] int fd() const { return memory_.get(); }

 private:
  struct Values {
    std::atomic<std::uint64_t> done;
    std::atomic<std::uint64_t> told;
  };

  UniqueFd memory_;
  Values* values_ = nullptr;
};

/// The records' way to the process that logs them (gantry-logger). Never holds up the shim: what the pipe does not take
/// waits here, and once that is too much either the container waits (`full`) or records are dropped
/// (mode=non-blocking). What a process loses that ends too early is counted: the next one is told, as its last
/// argument; and one at the end, if need be, also of those that were dropped.
class LogPipe {
 public:
  /// `plan` outlives it.
  LogPipe(Loop& loop, const PlanLog& plan);
  /// Leaves the process what it has not taken yet, and waits for its end: 15 s at most, and up to 10 s before if the
  /// pipe cannot take all. Also where the pipe is empty: what the process holds itself is known to be logged or lost
  /// only when it has ended, which it does at once unless its log driver hangs; and one that is stopped has to be
  /// killed.
  ~LogPipe();
  LogPipe(const LogPipe&) = delete;
  LogPipe& operator=(const LogPipe&) = delete;

  /// Takes one record, with its length before it.
  void add(std::string_view record);
  void flush();

  [[nodiscard]] bool full() const;
  /// Called when it is no longer full.
  void on_room(std::function<void()> handler) { room_ = std::move(handler); }

 private:
  bool start();
  void lose();
  void write_pending();
  void count_written(std::size_t bytes);
  void watch(bool wanted);
  void hand_over();
  void make_room();
  void await_end();
  void settle();
  [[nodiscard]] std::vector<std::string> next_command(bool last) const;
  [[nodiscard]] std::uint64_t unlogged() const;
  [[nodiscard]] bool ended_well() const;
  [[nodiscard]] std::uint64_t waiting() const;

  Loop& loop_;
  const PlanLog& plan_;
  UniqueFd pipe_;
  std::string pending_;       ///< The head and records, but for what of the first one is in the pipe.
  std::size_t head_ = 0;      ///< Of the head, if it is at the front and whole.
  std::size_t rest_ = 0;      ///< Of the record at the front, if a part of it is in the pipe.
  std::int64_t started_ = 0;  ///< CLOCK_MONOTONIC, ms; 0: never.
  UniqueFd process_;
  SharedCounter done_;         ///< Of the process's: how many records need nobody's care any more.
  std::uint64_t sent_ = 0;     ///< Messages that are whole in the pipe: the head, then records.
  std::uint64_t lost_ = 0;     ///< Records of which nobody was told.
  std::uint64_t given_ = 0;    ///< Of those: what the process is to tell.
  std::int64_t told_ = 0;      ///< When; as `started_`.
  std::uint64_t dropped_ = 0;  ///< Records for which there was no room.
  bool watching_ = false;
  std::function<void()> room_;
};

}  // namespace gantry::container_shim
