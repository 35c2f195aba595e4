#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "container_shim/plan.hpp"
#include "gantry/log_entry.hpp"
#include "shim/log_file.hpp"
#include "shim/log_pipe.hpp"
#include "shim/loop.hpp"

namespace gantry::container_shim {

/// Cuts a container's output into lines and gives them to who keeps them, in the form that the plan asks for.
class LogWriter {
 public:
  /// `plan` outlives it.
  LogWriter(Loop& loop, const PlanLog& plan);

  /// Takes what the process wrote to one stream. Lines are logged when they are whole or 16 KB long.
  void write(bool is_stderr, std::string_view bytes);

  /// Logs what is left of unfinished lines.
  void finish();

  void reopen();

  /// Whether more output must wait, and who is told when it need not any more.
  [[nodiscard]] bool full() const { return pipe_ && pipe_->full(); }
  void on_room(std::function<void()> handler);

 private:
  /// One of the two streams.
  struct Stream {
    std::string pending;     ///< A line that is neither whole nor long enough yet.
    std::string partial_id;  ///< Of a long line whose end has not come; empty: none.
    std::uint32_t ordinal = 0;
    std::int64_t time = 0;  ///< Of the first part of the long line.
  };

  [[nodiscard]] bool keeps() const { return (file_ && *file_) || pipe_; }
  void flush();
  void log(bool is_stderr, std::string_view text);
  const std::string& time_text(std::int64_t time);
  void log_record(bool is_stderr, std::string_view text, std::int64_t time, bool whole);

  const PlanLog& plan_;
  std::unique_ptr<LogFile> file_;
  std::unique_ptr<LogPipe> pipe_;
  Stream streams_[2];
  std::int64_t now_ = 0;
  std::int64_t formatted_ = -1;  ///< What `time_text_` says.
  std::string time_text_;
  std::string line_;
  log::v1::Entry entry_;
};

}  // namespace gantry::container_shim
