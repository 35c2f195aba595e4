#include "shim/log_writer.hpp"

#include <sys/random.h>

#include <ctime>
#include <utility>

#include "gantry/log_record.hpp"
#include "shim/log_line.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxLine = 16384;

std::string random_partial_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[32] = {};
  (void)!::getrandom(bytes, sizeof bytes, GRND_NONBLOCK);
  std::string id;
  for (const unsigned char byte : bytes) {
    id += kDigits[byte >> 4U];
    id += kDigits[byte & 15U];
  }
  return id;
}

}  // namespace

LogWriter::LogWriter(Loop& loop, const PlanLog& plan) : plan_(plan) {
  const bool kept = plan.format != LogFormat::none && !plan.path.empty();
  if (kept) file_ = std::make_unique<LogFile>(plan);
  if (plan.format == LogFormat::process) pipe_ = std::make_unique<LogPipe>(loop, plan);
}

void LogWriter::reopen() {
  if (file_) file_->reopen();
}

void LogWriter::write(bool is_stderr, std::string_view bytes) {
  if (file_ && !*file_) file_->retry();
  if (!keeps()) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  now_ = std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
  std::string& pending = streams_[is_stderr ? 1 : 0].pending;
  while (!bytes.empty()) {
    const std::size_t room = kMaxLine - pending.size();
    const std::size_t end = bytes.substr(0, room).find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view piece = bytes.substr(0, whole ? end + 1 : room);
    bytes.remove_prefix(piece.size());
    if (!whole && pending.size() + piece.size() < kMaxLine) {
      pending += piece;
      break;
    }
    if (pending.empty()) {
      log(is_stderr, piece);
      continue;
    }
    pending += piece;
    log(is_stderr, pending);
    pending.clear();
  }
  flush();
}

void LogWriter::finish() {
  for (const bool is_stderr : {false, true}) {
    std::string& pending = streams_[is_stderr ? 1 : 0].pending;
    if (!pending.empty() && keeps()) log(is_stderr, pending);
    pending.clear();
  }
  flush();
}

/// Once for all lines that come together.
const std::string& LogWriter::time_text(std::int64_t time) {
  if (time != formatted_) time_text_ = format_time(time);
  formatted_ = time;
  return time_text_;
}

/// All parts of a long line bear the time of the first, as with dockerd.
void LogWriter::log(bool is_stderr, std::string_view text) {
  Stream& stream = streams_[is_stderr ? 1 : 0];
  const bool whole = text.ends_with('\n');
  if (!whole && stream.partial_id.empty()) {
    stream.partial_id = random_partial_id();
    stream.ordinal = 0;
    stream.time = now_;
  }
  const std::int64_t time = stream.partial_id.empty() ? now_ : stream.time;
  line_.clear();
  if (plan_.format == LogFormat::json_file) {
    append_log_line(line_, text, is_stderr ? "stderr" : "stdout", time_text(time), plan_.attributes);
  } else {
    log_record(is_stderr, whole ? text.substr(0, text.size() - 1) : text, time, whole);
    if (!stream.partial_id.empty()) ++stream.ordinal;
  }
  if (whole) stream.partial_id.clear();
  if (pipe_) pipe_->add(line_);
  if (!file_ || !*file_) return;
  // A record has its length also behind it in a file, so that it can be read from its end.
  if (plan_.format != LogFormat::json_file) {
    log::v1::record::put_length(line_, static_cast<std::uint32_t>(line_.size() - 4));
  }
  file_->add(line_);
}

void LogWriter::log_record(bool is_stderr, std::string_view text, std::int64_t time, bool whole) {
  const Stream& stream = streams_[is_stderr ? 1 : 0];
  entry_.text = text;
  entry_.from_stderr = is_stderr;
  entry_.time = time;
  entry_.partial = !stream.partial_id.empty();
  entry_.partial_id = stream.partial_id;
  entry_.ordinal = stream.ordinal + 1;
  entry_.last = whole;
  log::v1::append_record(line_, entry_);
}

void LogWriter::flush() {
  if (file_ && *file_) file_->flush();
  if (pipe_) pipe_->flush();
}

void LogWriter::on_room(std::function<void()> handler) {
  if (pipe_) pipe_->on_room(std::move(handler));
}

}  // namespace gantry::container_shim
