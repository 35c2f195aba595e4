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

/// A number in memory that a program beside the shim has, too.
class SharedCounter {
 public:
  SharedCounter();
  ~SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  void reset() {
    if (value_ != nullptr) *value_ = 0;
  }
  [[nodiscard]] std::uint64_t get() const { return value_ == nullptr ? 0 : value_->load(); }
  [[nodiscard]] int fd() const { return memory_.get(); }

 private:
  UniqueFd memory_;
  std::atomic<std::uint64_t>* value_ = nullptr;
};

/// The records' way to the process that logs them (gantry-logger). Never holds up the shim: what the pipe does not take
/// waits here, and once that is too much either the container waits (`full`) or records are dropped
/// (mode=non-blocking). What a process loses that ends too early is counted: the next one is told, as its last
/// argument.
class LogPipe {
 public:
  /// `plan` outlives it.
  LogPipe(Loop& loop, const PlanLog& plan);
  ~LogPipe();  ///< Leaves the process what it has not taken yet, and waits some seconds at most for its end.
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
  SharedCounter done_;      ///< Of the process's: how many records need nobody's care any more.
  std::uint64_t sent_ = 0;  ///< Messages that are whole in the pipe: the head, then records.
  std::uint64_t lost_ = 0;  ///< Records of which nobody was told.
  std::int64_t told_ = 0;   ///< When; as `started_`.
  bool watching_ = false;
  std::function<void()> room_;
};

}  // namespace gantry::container_shim
