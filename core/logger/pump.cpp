#include "logger/pump.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log_settings.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::logger {

namespace {

constexpr std::size_t kReadBlock = 65536;
constexpr std::uint32_t kLongest = 16U << 20U;

/// Messages with their lengths before them.
class Input {
 public:
  explicit Input(int fd) : fd_(fd) {}

  /// Valid until the next call. Nothing at the end; what was cut off there is left out.
  std::optional<std::string_view> next() {
    while (!whole()) {
      if (!read_more()) return std::nullopt;
    }
    const std::uint32_t length = log::v1::record::get_length(rest());
    const std::string_view message = rest().substr(4, length);
    taken_ += 4 + std::size_t{length};
    return message;
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(pending_).substr(taken_); }

  [[nodiscard]] bool whole() const {
    if (rest().size() < 4) return false;
    const std::uint32_t length = log::v1::record::get_length(rest());
    if (length > kLongest) throw Error{Errc::invalid, "a record of " + std::to_string(length) + " bytes"};
    return rest().size() >= 4 + std::size_t{length};
  }

  bool read_more() {
    pending_.erase(0, std::exchange(taken_, 0));
    std::array<char, kReadBlock> block;
    ssize_t got = -1;
    do {
      got = ::read(fd_, block.data(), block.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) pending_.append(block.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  int fd_;
  std::string pending_;
  std::size_t taken_ = 0;
};

/// Calls `late` if this is still there some time after the input's other end was closed.
class LastWords {
 public:
  LastWords(int input, std::chrono::milliseconds patience, std::function<void()> late)
      : over_(::eventfd(0, EFD_CLOEXEC)), late_(std::move(late)), thread_([this, input, patience] {
          if (input_ends(input) && !is_over(static_cast<int>(patience.count()))) late_();
        }) {}
  ~LastWords() {
    ::eventfd_write(over_.get(), 1);
    thread_.join();
  }
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

 private:
  [[nodiscard]] bool input_ends(int input) const {
    std::array<pollfd, 2> both{{{input, 0, 0}, {over_.get(), POLLIN, 0}}};
    while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) continue;
    return both[1].revents == 0;
  }
  [[nodiscard]] bool is_over(int timeout_ms) const {
    pollfd over{over_.get(), POLLIN, 0};
    int ready = 0;
    do {
      ready = ::poll(&over, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready != 0;
  }

  UniqueFd over_;
  std::function<void()> late_;
  std::thread thread_;
};

/// The input and who reads it: the pump, or, when the writer is stuck, whoever counts what is left.
class Work {
 public:
  explicit Work(int input) : messages_(input) {}

  Options settings() {
    const auto head = messages_.next();
    if (!head) throw Error{Errc::invalid, "no settings"};
    return decode_log_settings(*head);
  }

  bool next(log::v1::Entry& entry) {
    const std::scoped_lock guard{mutex_};
    in_hand_ = 0;
    const auto message = messages_.next();
    if (!message) return false;
    if (!log::v1::parse_record(*message, entry)) throw Error{Errc::invalid, "a record that is none"};
    in_hand_ = 1;
    return true;
  }

  /// Once the input's other end is closed: nothing waits for it then. Up to what is no record.
  std::uint64_t left() {
    const std::scoped_lock guard{mutex_};
    std::uint64_t count = in_hand_;
    try {
      while (messages_.next()) ++count;
    } catch (const Error&) {
      return count;  // on a thread that nobody catches anything from
    }
    return count;
  }

 private:
  std::mutex mutex_;
  Input messages_;
  std::uint64_t in_hand_ = 0;
};

}  // namespace

void pump(int input, log::v1::Writer& writer, const PumpSettings& settings) {
  Work work{input};
  const Options chosen = work.settings();
  const LastWords last_words{input, settings.patience, [&] { settings.late(work.left()); }};
  writer.open(chosen);
  for (log::v1::Entry entry; work.next(entry); entry = {}) {
    try {
      writer.write(entry);
      if (settings.done != nullptr) ++*settings.done;
    } catch (const std::exception& error) {
      settings.complain(error.what());
    }
  }
  try {
    writer.close();
  } catch (const std::exception& error) {
    settings.cannot_end(error.what());
  }
}

}  // namespace gantry::logger
