#include "logger/losses.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
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

void Losses::by_predecessor(std::uint64_t lines) {
  if (lines != 0) tell(lines_were_lost(lines) + ": gantry-logger with " + driver_ + " ended before it had logged them");
}

void Losses::cannot_begin(const std::string& reason) { tell("its log driver " + driver_ + " cannot begin: " + reason); }

void Losses::failed(const std::string& reason) {
  last_reason_ = reason;
  if (++failures_ == 1) tell(lines_were_lost(1) + ": " + reason);
}

void Losses::at_end(std::uint64_t lines) {
  tell((lines == 0 ? std::string{"the last lines of its log may be lost"} : lines_were_lost(lines)) +
       ": the log driver " + driver_ + " did not take them in time after the container's end");
}

void Losses::sum_up() {
  if (failures_ > 1) tell(lines_were_lost(failures_) + ", the last one: " + last_reason_);
}

void Losses::tell(const std::string& text) const {
  if (folder_.empty()) return;
  std::string line = "container " + container_ + ": " + text.substr(0, 1000);
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  const std::string name = unique_name();
  const std::string draft = folder_ + "/." + name;
  const UniqueFd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return;
  const bool whole = ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!whole || ::rename(draft.c_str(), (folder_ + "/" + name).c_str()) != 0) ::unlink(draft.c_str());
}

}  // namespace gantry::logger
