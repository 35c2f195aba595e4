#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "container_shim/plan.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/loop.hpp"

namespace gantry::container_shim {

/// The records' way to the process that logs them (gantry-logger). Never holds up the shim: what the pipe does not take
/// waits here, and once that is too much either the container waits (`full`) or records are dropped
/// (mode=non-blocking).
class LogPipe {
 public:
  /// `plan` outlives it.
  LogPipe(Loop& loop, const PlanLog& plan);
  ~LogPipe();  ///< Waits some seconds at most for what the process has not taken yet.
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

  Loop& loop_;
  const PlanLog& plan_;
  UniqueFd pipe_;
  std::string pending_;       ///< The head and records, but for what of the first one is in the pipe.
  std::size_t head_ = 0;      ///< Of the head, if it is at the front and whole.
  std::size_t rest_ = 0;      ///< Of the record at the front, if a part of it is in the pipe.
  std::int64_t started_ = 0;  ///< CLOCK_MONOTONIC, ms; 0: never.
  bool watching_ = false;
  std::function<void()> room_;
};

}  // namespace gantry::container_shim
