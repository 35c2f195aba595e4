#include "shim/log_pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "gantry/log_record.hpp"
#include "shim/log_helper.hpp"

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxPending = 65536;
constexpr std::int64_t kLastWords = 10'000;  // ms, as long as dockerd waits for its log drivers
constexpr std::int64_t kRestart = 1'000;     // ms: one that ends at once is not started at every line

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

LogPipe::LogPipe(Loop& loop, const PlanLog& plan) : loop_(loop), plan_(plan) { start(); }

LogPipe::~LogPipe() {
  watch(false);
  const std::int64_t deadline = monotonic_ms() + kLastWords;
  while (pipe_ && !pending_.empty() && monotonic_ms() < deadline) {
    pollfd ready{pipe_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 1000) > 0) write_pending();
  }
}

bool LogPipe::start() {
  const std::int64_t now = monotonic_ms();
  if (started_ != 0 && now < started_ + kRestart) return false;
  started_ = now;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return false;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  if (!run_log_helper(plan_.command, reader)) return false;
  ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  pipe_ = std::move(writer);
  rest_ = 0;
  std::string head;
  log::v1::record::put_length(head, static_cast<std::uint32_t>(plan_.head.size()));
  head_ = head.size() + plan_.head.size();
  pending_.insert(0, head + plan_.head);
  return true;
}

/// The process has gone, and with it what was in the pipe.
void LogPipe::lose() {
  watch(false);
  pipe_.reset();
  // Of the record that is torn the rest, or the head of which nothing was taken.
  pending_.erase(0, head_ != 0 ? head_ : rest_);
  rest_ = head_ = 0;
  // The head comes anew; nobody waits for a process that cannot be had.
  if (!start()) pending_.clear();
}

void LogPipe::add(std::string_view record) {
  if (!pipe_ && !start()) return;
  if (plan_.non_blocking && pending_.size() + record.size() > plan_.max_buffer_size && !pending_.empty()) return;
  pending_ += record;
}

bool LogPipe::full() const { return !plan_.non_blocking && pending_.size() > kMaxPending; }

void LogPipe::flush() {
  // Twice, for one that was started anew; a third one has to wait for the next line.
  for (int attempt = 0; attempt < 2 && pipe_ && !pending_.empty() && !watching_; ++attempt) write_pending();
  watch(pipe_ && !pending_.empty());
}

void LogPipe::write_pending() {
  std::size_t written = 0;
  bool lost = false;
  while (written < pending_.size() && !lost) {
    const ssize_t count = ::write(pipe_.get(), pending_.data() + written, pending_.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    lost = count < 0;
    if (!lost) written += static_cast<std::size_t>(count);
  }
  count_written(written);
  pending_.erase(0, written);
  if (pending_.empty()) pending_.shrink_to_fit();
  if (lost) lose();
}

void LogPipe::count_written(std::size_t bytes) {
  if (bytes > 0) head_ = 0;
  for (std::size_t at = 0; at < bytes;) {
    if (rest_ == 0) rest_ = 4 + log::v1::record::get_length(std::string_view(pending_).substr(at));
    const std::size_t taken = std::min(rest_, bytes - at);
    rest_ -= taken;
    at += taken;
  }
}

void LogPipe::watch(bool wanted) {
  if (wanted == watching_) return;
  watching_ = wanted;
  if (!wanted) return loop_.remove(pipe_.get());
  loop_.add(pipe_.get(), EPOLLOUT, [this](std::uint32_t) {
    write_pending();
    watch(pipe_ && !pending_.empty());  // perhaps another process's by now
    if (room_ && !full()) room_();
  });
}

}  // namespace gantry::container_shim
