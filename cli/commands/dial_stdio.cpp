#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "client/transport.hpp"
#include "command/failure.hpp"
#include "commands/commands.hpp"
#include "contexts/current_context.hpp"

namespace gantry::cli {

namespace {

/// Passes bytes both ways. Neither side waits for the other: a client that sends without an end may only read when it
/// has sent all, and the daemon the other way round.
class StdioRelay {
 public:
  explicit StdioRelay(Transport& daemon) : daemon_(daemon) {}

  /// Until the daemon has said all.
  void run() {
    while (!daemon_ended_ || !to_stdout_.empty()) {
      if (!wait()) continue;
      if (readable(kStdin)) read_stdin();
      if (!to_daemon_.empty() && watched_[kDaemon].revents != 0) write_daemon();
      if (to_stdout_.empty() && (readable(kDaemon) || daemon_.has_buffered())) read_daemon();
      if (watched_[kStdout].revents != 0) write_stdout();
    }
  }

 private:
  enum Stream { kStdin, kDaemon, kStdout };

  [[nodiscard]] bool readable(Stream stream) const {
    return (watched_[stream].events & POLLIN) != 0 && (watched_[stream].revents & ~POLLOUT) != 0;
  }

  void watch(Stream stream, int fd, short events) { watched_[stream] = {events == 0 ? -1 : fd, events, 0}; }

  bool wait() {
    const bool wants_input = !stdin_ended_ && to_daemon_.empty();
    const bool wants_output = !daemon_ended_ && to_stdout_.empty();
    watch(kStdin, STDIN_FILENO, wants_input ? POLLIN : 0);
    watch(kDaemon, daemon_.fd(), static_cast<short>((wants_output ? POLLIN : 0) | (to_daemon_.empty() ? 0 : POLLOUT)));
    watch(kStdout, STDOUT_FILENO, to_stdout_.empty() ? 0 : POLLOUT);
    const int timeout = wants_output && daemon_.has_buffered() ? 0 : -1;
    return ::poll(watched_.data(), watched_.size(), timeout) >= 0;
  }

  void read_stdin() {
    const ssize_t size = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
    if (size < 0 && errno == EINTR) return;
    stdin_ended_ = size <= 0;
    if (stdin_ended_) return daemon_.close_write();
    to_daemon_.assign(buffer_.data(), static_cast<std::size_t>(size));
    write_daemon();
  }

  void write_daemon() { to_daemon_.erase(0, daemon_.write_some(to_daemon_)); }

  void read_daemon() {
    const std::size_t size = daemon_.read(buffer_);
    daemon_ended_ = size == 0;
    to_stdout_.assign(buffer_.data(), size);
  }

  // A pipe that takes anything takes that much; stdout is not ours alone, so it cannot be made non-blocking.
  void write_stdout() {
    const std::size_t most = std::min<std::size_t>(to_stdout_.size(), PIPE_BUF);
    ssize_t written = ::send(STDOUT_FILENO, to_stdout_.data(), to_stdout_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && errno == ENOTSOCK) written = ::write(STDOUT_FILENO, to_stdout_.data(), most);
    if (written < 0 && errno != EAGAIN && errno != EINTR) throw Failure("write stdout: broken pipe");
    if (written > 0) to_stdout_.erase(0, static_cast<std::size_t>(written));
  }

  Transport& daemon_;
  std::array<pollfd, 3> watched_{};
  std::array<char, 32768> buffer_{};
  std::string to_daemon_;
  std::string to_stdout_;
  bool stdin_ended_ = false;
  bool daemon_ended_ = false;
};

}  // namespace

/// What `ssh` runs beside a daemon for a client far away.
int system_dial_stdio(Context& context) {
  Flags flags;
  context.parse(flags, Arity::none());
  const auto daemon = connect(resolve_daemon(context.connection, context.config_dir, context.config()));
  StdioRelay(*daemon).run();
  return 0;
}

}  // namespace gantry::cli
