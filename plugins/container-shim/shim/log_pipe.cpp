#include "shim/log_pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "gantry/log_record.hpp"
#include "shim/log_helper.hpp"
#include "shim/system.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::container_shim {

namespace {

constexpr std::size_t kMaxPending = 65536;
constexpr std::int64_t kLastWords = 10'000;  // ms, as long as dockerd waits for its log drivers
constexpr std::int64_t kGrace = 5'000;       // ms beyond that, in which such a process ends itself
constexpr std::int64_t kRestart = 1'000;     // ms: one that ends at once is not started at every line
constexpr std::int64_t kTellAgain = 60'000;  // ms
constexpr std::size_t kSlack = 65536;        // pages of a pipe are not always full
constexpr std::size_t kLargestPipe = std::size_t{1} << 30;

std::int64_t monotonic_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool is_due(std::int64_t told, std::int64_t now) { return told == 0 || now >= told + kTellAgain; }

}  // namespace

SharedCounter::SharedCounter() : memory_(::memfd_create("gantry-log-done", MFD_CLOEXEC)) {
  if (!memory_ || ::ftruncate(memory_.get(), sizeof(Values)) < 0) return;
  void* const place = ::mmap(nullptr, sizeof(Values), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (place != MAP_FAILED) values_ = static_cast<Values*>(place);
}

SharedCounter::~SharedCounter() {
  if (values_ != nullptr) ::munmap(values_, sizeof *values_);
}

LogPipe::LogPipe(Loop& loop, const PlanLog& plan) : loop_(loop), plan_(plan) { start(); }

LogPipe::~LogPipe() {
  watch(false);
  hand_over();
  if (pipe_) {
    lost_ += waiting();
    pipe_.reset();
    await_end();
    settle();
    if (!ended_well()) lost_ += unlogged();
  }
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (lost_ != 0 || dropped_ != 0) run_log_helper(next_command(true), nothing);
}

/// All that waits goes into the pipe, so that nobody has to wait for the process; where the pipe cannot grow, for a
/// while.
void LogPipe::hand_over() {
  const std::int64_t deadline = monotonic_ms() + kLastWords;
  make_room();
  while (pipe_ && !pending_.empty() && monotonic_ms() < deadline) {
    pollfd ready{pipe_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 1000) > 0) write_pending();
  }
}

void LogPipe::make_room() {
  int unread = 0;
  if (!pipe_ || pending_.empty() || ::ioctl(pipe_.get(), FIONREAD, &unread) < 0) return;
  const std::size_t wanted = pending_.size() + static_cast<std::size_t>(unread) + kSlack;
  if (wanted <= kLargestPipe) ::fcntl(pipe_.get(), F_SETPIPE_SZ, static_cast<int>(wanted));
}

/// It ends by itself in time, whatever its log driver does; unless it is stopped, say.
void LogPipe::await_end() {
  pollfd ended{process_.get(), POLLIN, 0};
  const std::int64_t deadline = monotonic_ms() + kLastWords + kGrace;
  for (std::int64_t left = deadline - monotonic_ms(); left > 0; left = deadline - monotonic_ms()) {
    if (::poll(&ended, 1, static_cast<int>(left)) > 0) return;
  }
  ::pidfd_send_signal(process_.get(), SIGKILL, nullptr, 0);
}

bool LogPipe::start() {
  const std::int64_t now = monotonic_ms();
  if (started_ != 0 && now < started_ + kRestart) return false;
  const std::vector<std::string> command = next_command(false);
  const bool tells = command.size() > plan_.command.size() && lost_ != 0 && is_due(told_, now);
  started_ = now;
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) return false;
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  done_.reset();
  sent_ = 0;
  process_ = run_log_helper(command, reader, done_.fd());
  if (!process_) return false;
  if (tells) {
    told_ = now;
    given_ = lost_;
  }
  ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  pipe_ = std::move(writer);
  rest_ = 0;
  std::string head;
  log::v1::record::put_length(head, static_cast<std::uint32_t>(plan_.head.size()));
  head_ = head.size() + plan_.head.size();
  pending_.insert(0, head + plan_.head);
  return true;
}

/// Of what the process was to tell: that there is a process does not say that its program could be had, or came so far.
void LogPipe::settle() {
  if (given_ == 0) return;
  if (done_.told()) {
    lost_ -= given_;
  } else {
    told_ = 0;
  }
  given_ = 0;
}

/// One that follows another is told of the losses, though not every second.
std::vector<std::string> LogPipe::next_command(bool last) const {
  std::vector<std::string> command = plan_.command;
  const bool tell = last || is_due(told_, monotonic_ms());
  if (last || started_ != 0) command.push_back(number(static_cast<std::int64_t>(tell ? lost_ : 0)));
  if (last && dropped_ != 0) command.push_back(number(static_cast<std::int64_t>(dropped_)));
  return command;
}

/// Records that the process has got, and neither logged nor told of itself.
std::uint64_t LogPipe::unlogged() const {
  const std::uint64_t records = sent_ == 0 ? 0 : sent_ - 1;
  return records - std::min(records, done_.get());
}

bool LogPipe::ended_well() const {
  siginfo_t end{};
  const bool known = ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), &end, WEXITED | WNOHANG | WNOWAIT) == 0;
  return known && end.si_code == CLD_EXITED && end.si_status == 0;
}

/// Records that wait here; of the first one a part may be in the pipe.
std::uint64_t LogPipe::waiting() const {
  std::uint64_t count = head_ == 0 && rest_ != 0 && sent_ != 0 ? 1 : 0;
  std::string_view left = std::string_view(pending_).substr(std::min(pending_.size(), head_ != 0 ? head_ : rest_));
  while (left.size() >= 4) {
    left.remove_prefix(std::min<std::size_t>(left.size(), 4 + std::size_t{log::v1::record::get_length(left)}));
    ++count;
  }
  return count;
}

/// The process has gone, and with it what was in the pipe.
void LogPipe::lose() {
  watch(false);
  pipe_.reset();
  settle();
  lost_ += unlogged() + (head_ == 0 && rest_ != 0 && sent_ != 0 ? 1 : 0);
  process_.reset();
  sent_ = 0;
  // Of the record that is torn the rest, or the head of which nothing was taken.
  pending_.erase(0, head_ != 0 ? head_ : rest_);
  rest_ = head_ = 0;
  // The head comes anew; nobody waits for a process that cannot be had.
  if (start()) return;
  lost_ += waiting();
  pending_.clear();
}

void LogPipe::add(std::string_view record) {
  if (!pipe_ && !start()) {
    ++lost_;
    return;
  }
  if (plan_.non_blocking && pending_.size() + record.size() > plan_.max_buffer_size && !pending_.empty()) {
    ++dropped_;
    return;
  }
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
    if (rest_ == 0) ++sent_;
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
