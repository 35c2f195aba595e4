#include <poll.h>
#include <unistd.h>

#include <array>

#include "client/pending_file.hpp"
#include "client/transport.hpp"
#include "commands/commands.hpp"
#include "contexts/current_context.hpp"

namespace gantry::cli {

namespace {

// False at the end of stdin.
bool pass_input(Transport& daemon) {
  std::array<char, 32768> buffer;
  const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (size > 0) daemon.write({buffer.data(), static_cast<std::size_t>(size)});
  if (size <= 0) daemon.close_write();
  return size > 0;
}

bool pass_output(Transport& daemon) {
  std::array<char, 32768> buffer;
  const std::size_t size = daemon.read(buffer);
  write_fully(STDOUT_FILENO, {buffer.data(), size});
  return size > 0;
}

}  // namespace

/// What `ssh` runs beside a daemon for a client far away.
int system_dial_stdio(Context& context) {
  Flags flags;
  context.parse(flags, Arity::none());
  const auto daemon = connect(resolve_daemon(context.connection, context.config_dir, context.config()));
  std::array<pollfd, 2> watched{{{STDIN_FILENO, POLLIN, 0}, {daemon->fd(), POLLIN, 0}}};
  for (;;) {
    if (!daemon->has_buffered() && ::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[0].revents != 0 && !pass_input(*daemon)) watched[0].fd = -1;
    if ((daemon->has_buffered() || watched[1].revents != 0) && !pass_output(*daemon)) return 0;
    if (watched[0].fd < 0) watched[0].revents = 0;
  }
}

}  // namespace gantry::cli
