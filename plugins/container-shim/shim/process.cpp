#include "shim/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "container_shim/message.hpp"
#include "shim/init.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

/// In the child: descriptors 0 to 4 and no others. All sources lie above them.
void take_descriptors(const StdioEnds& ends, int line, int extra) {
  ::dup2(ends.child_input.get(), 0);
  ::dup2(ends.child_output.get(), 1);
  ::dup2(ends.child_error.get(), 2);
  ::dup3(line, kReportFd, O_CLOEXEC);
  if (extra >= 0) ::dup3(extra, kReportFd + 1, O_CLOEXEC);
  ::close_range(extra >= 0 ? kReportFd + 2 : kReportFd + 1, ~0U, 0);
}

}  // namespace

void Process::send(Signal signal, std::span<const int> descriptors) const {
  const char byte = static_cast<char>(signal);
  send_message(line.get(), {&byte, 1}, descriptors);
}

bool clone_into(Process& process, const CloneSettings& settings, StdioEnds& ends) {
  int pair[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    process.pid = -1;
    return false;
  }
  process.line.reset(pair[0]);
  const UniqueFd child_line(pair[1]);
  process.pid = clone_process(settings.namespaces, process.pidfd, settings.cgroup);
  if (process.pid == 0) {
    take_descriptors(ends, child_line.get(), settings.extra_fd);
    return true;
  }
  ends.child_input.reset();
  ends.child_output.reset();
  ends.child_error.reset();
  return false;
}

Reply failure(Errc code, std::string message) { return {static_cast<std::int32_t>(code), std::move(message), 0}; }

Reply errno_failure(const std::string& what) { return failure(error_code(errno), what + ": " + error_text(errno)); }

void kill_session(pid_t pid) {
  // An OCI runtime's process may be in the session of one that has made it and gone.
  const pid_t group = ::getpgid(pid);
  if (group > 1 && group != ::getpgrp()) ::kill(-group, SIGKILL);
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

void answer(int connection, const Reply& reply) {
  const std::string bytes = encode(reply);
  ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace gantry::container_shim
