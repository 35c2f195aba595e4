#include "logger/losses.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <system_error>
#include <utility>

#include "gantry/unique_fd.hpp"

namespace gantry::logger {

namespace {

std::string lines_were_lost(std::uint64_t lines) {
  return std::to_string(lines) + (lines == 1 ? " line of its log was lost" : " lines of its log were lost");
}

std::string unique_name() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::to_string(now.tv_sec) + "." + std::to_string(now.tv_nsec) + "-" + std::to_string(::getpid());
}

}  // namespace

Losses::Losses(std::string folder, std::string container, std::string driver)
    : folder_(std::move(folder)), container_(std::move(container)), driver_(std::move(driver)) {}

Losses::~Losses() {
  {
    const std::scoped_lock guard{mutex_};
    over_ = true;
    tell_failures();
  }
  changed_.notify_all();
  if (teller_.joinable()) teller_.join();
}

bool Losses::by_predecessor(std::uint64_t lines) {
  if (lines == 0) return true;
  return tell(lines_were_lost(lines) + ": gantry-logger with " + driver_ + " ended before it had logged them");
}

void Losses::dropped(std::uint64_t lines) {
  (void)tell(lines_were_lost(lines) + ": the log driver " + driver_ +
             " did not take them as fast as they came, and mode=non-blocking drops what does not fit max-buffer-size");
}

void Losses::cannot_begin(const std::string& reason) {
  (void)tell("its log driver " + driver_ + " cannot begin: " + reason);
}

void Losses::cannot_end(const std::string& reason) {
  (void)tell("the last lines of its log may be lost: its log driver " + driver_ + " cannot end: " + reason);
}

void Losses::failed(const std::string& reason) {
  const std::scoped_lock guard{mutex_};
  last_reason_ = reason;
  ++failures_;
  if (told_ == std::chrono::steady_clock::time_point{}) tell_failures();
  if (failures_ == 0) return;
  changed_.notify_all();
  if (teller_.joinable()) return;
  try {
    teller_ = std::thread([this] { tell_now_and_then(); });
  } catch (const std::system_error&) {
    return;  // perhaps there is room for a thread at the next one
  }
}

/// Not only at the next failure, which may come after months.
void Losses::tell_now_and_then() {
  std::unique_lock lock{mutex_};
  while (!over_) {
    changed_.wait(lock, [this] { return over_ || failures_ != 0; });
    changed_.wait_until(lock, told_ + interval_, [this] { return over_; });
    if (!over_) tell_failures();
  }
}

void Losses::at_end(std::uint64_t lines) {
  const std::scoped_lock guard{mutex_};
  tell_failures();
  (void)tell((lines == 0 ? std::string{"the last lines of its log may be lost"} : lines_were_lost(lines)) +
             ": the log driver " + driver_ + " did not take them in time after the container's end");
}

void Losses::tell_failures() {
  if (failures_ == 0) return;
  told_ = std::chrono::steady_clock::now();
  if (!tell(lines_were_lost(failures_) + (failures_ == 1 ? ": " : ", the last one: ") + last_reason_)) return;
  if (done_ != nullptr) *done_ += failures_;
  failures_ = 0;
}

bool Losses::tell(const std::string& text) const {
  if (folder_.empty()) return true;
  std::string line = "container " + container_ + ": " + text.substr(0, 1000);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  const std::string name = unique_name();
  const std::string draft = folder_ + "/." + name;
  const UniqueFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return false;
  const bool whole = ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (whole && ::rename(draft.c_str(), (folder_ + "/" + name).c_str()) == 0) return true;
  ::unlink(draft.c_str());
  return false;
}

}  // namespace gantry::logger
