#include "terminal/session.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "command/failure.hpp"
#include "terminal/detach_keys.hpp"
#include "terminal/stdcopy.hpp"

namespace gantry::cli {

/// What was read from stdin and is not sent yet.
struct Session::Input {
  DetachFilter filter;
  bool filtered = false;
  bool open = true;
  std::string pending;

  void read() {
    std::array<char, 32768> buffer;
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {
      open = false;
      return;
    }
    const std::string_view typed(buffer.data(), static_cast<std::size_t>(size));
    pending += filtered ? filter.feed(typed) : std::string(typed);
  }
};

void write_output(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      ::poll(&ready, 1, -1);
      continue;
    }
    if (size < 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

Session::Session(SessionOptions options) : options_(std::move(options)) {
  detach_sequence_ = options_.detach_keys.empty() ? "\x10\x11" : parse_detach_keys(options_.detach_keys);
  using Which = SignalQueue::Which;
  if (options_.proxy) {
    signals_.emplace(Which::all);
  } else if (options_.tty) {
    signals_.emplace(Which::ending);
  }
}

void Session::enter_raw_mode() {
  if (options_.tty && options_.input && is_terminal(STDIN_FILENO)) raw_ = std::make_unique<RawMode>(STDIN_FILENO);
}

int Session::asked_to_end() {
  constexpr std::array kEnding{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  for (int number = 0; signals_ && (number = signals_->take()) != 0;) held_.push_back(number);
  const auto found = std::ranges::find_first_of(held_, kEnding);
  return found == held_.end() ? 0 : *found;
}

int Session::next_signal() {
  if (held_.empty()) return signals_ ? signals_->take() : 0;
  const int number = held_.front();
  held_.pop_front();
  return number;
}

bool Session::take_signals(const Resize& resize, const Signal& signal) {
  while (const int number = next_signal()) {
    if (number == SIGWINCH) {
      if (options_.tty) resize(terminal_size(STDOUT_FILENO));
    } else if (options_.proxy) {
      signal(number);
    } else {
      number_ = number;
      return true;
    }
  }
  return false;
}

Session::End Session::run(Exchange& stream, const Resize& resize, const Signal& signal) {
  Transport& transport = stream.transport();
  Demultiplexer demultiplexer([](int channel, std::string_view bytes) {
    if (channel == 3) throw Failure("Error response from daemon: " + std::string(bytes));
    write_output(channel == 2 ? STDERR_FILENO : STDOUT_FILENO, bytes);
  });
  const auto show = [&](std::string_view bytes) {
    if (options_.tty) {
      write_output(STDOUT_FILENO, bytes);
    } else {
      demultiplexer.feed(bytes);
    }
  };
  Input input{DetachFilter(detach_sequence_), options_.tty, options_.input, {}};
  bool write_open = true;
  show(stream.take_received());
  std::array<char, 32768> buffer;
  if (!held_.empty() && take_signals(resize, signal)) return End::signalled;
  for (;;) {
    if (write_open && !input.open && input.pending.empty()) {
      write_open = false;
      if (options_.input) transport.close_write();
    }
    std::array<pollfd, 3> polled{};
    polled[0] = {transport.fd(), static_cast<short>(input.pending.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    polled[1] = {input.open && input.pending.empty() ? STDIN_FILENO : -1, POLLIN, 0};
    polled[2] = {signals_ ? signals_->fd() : -1, POLLIN, 0};
    if (::poll(polled.data(), polled.size(), transport.has_buffered() ? 0 : -1) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (polled[2].revents != 0 && take_signals(resize, signal)) return End::signalled;
    if (polled[1].revents != 0) input.read();
    if (!input.pending.empty()) {
      try {
        input.pending.erase(0, transport.write_some(input.pending));
      } catch (const std::system_error&) {
        input.open = false;  // the process no longer reads; its output may still come
        input.pending.clear();
      }
    }
    if (input.filter.detached()) return End::detached;
    if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0 || transport.has_buffered()) {
      std::size_t size = 0;
      try {
        size = transport.read(buffer);
      } catch (const std::system_error&) {
        return End::closed;
      }
      if (size == 0) return End::closed;
      show({buffer.data(), size});
    }
  }
}

}  // namespace gantry::cli
