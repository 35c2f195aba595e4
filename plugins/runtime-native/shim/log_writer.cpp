#include "shim/log_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <utility>

#include "shim/log_line.hpp"
#include "shim/system.hpp"

namespace gantry::native {

namespace {

constexpr std::size_t kMaxLine = 16384;

}  // namespace

LogWriter::LogWriter(std::string path, std::uint64_t max_size, std::uint32_t max_files, std::string attributes)
    : path_(std::move(path)),
      attributes_(std::move(attributes)),
      max_size_(max_size),
      max_files_(max_files == 0 ? 1 : max_files) {
  if (!path_.empty()) reopen();
}

void LogWriter::reopen() {
  if (path_.empty()) return;
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640));
  struct stat facts {};
  size_ = file_ && ::fstat(file_.get(), &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0;
}

void LogWriter::write(bool is_stderr, std::string_view bytes) {
  if (!file_) return;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  time_ = format_time(std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec);
  std::string& partial = partial_[is_stderr ? 1 : 0];
  while (!bytes.empty()) {
    const std::size_t room = kMaxLine - partial.size();
    const std::size_t end = bytes.substr(0, room).find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view piece = bytes.substr(0, whole ? end + 1 : room);
    bytes.remove_prefix(piece.size());
    if (!whole && partial.size() + piece.size() < kMaxLine) {
      partial += piece;
      break;
    }
    if (partial.empty()) {
      log(is_stderr, piece);
      continue;
    }
    partial += piece;
    log(is_stderr, partial);
    partial.clear();
  }
  flush();
}

void LogWriter::finish() {
  for (const bool is_stderr : {false, true}) {
    std::string& partial = partial_[is_stderr ? 1 : 0];
    if (!partial.empty() && file_) log(is_stderr, partial);
    partial.clear();
  }
  flush();
}

void LogWriter::log(bool is_stderr, std::string_view text) {
  append_log_line(out_, text, is_stderr ? "stderr" : "stdout", time_, attributes_);
  if (max_size_ != 0 && size_ + out_.size() >= max_size_) {
    flush();
    rotate();
  }
}

void LogWriter::flush() {
  // A full disk costs the lines that do not fit; the container runs on.
  if (!out_.empty() && write_all(file_.get(), out_) == 0) size_ += out_.size();
  out_.clear();
}

void LogWriter::rotate() {
  for (std::uint32_t i = max_files_ - 1; i >= 1; --i) {
    const std::string from = i == 1 ? path_ : path_ + "." + number(i - 1);
    ::rename(from.c_str(), (path_ + "." + number(i)).c_str());
  }
  if (max_files_ == 1 && ::ftruncate(file_.get(), 0) < 0) return;
  reopen();
}

}  // namespace gantry::native
