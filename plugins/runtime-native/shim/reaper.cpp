#include "shim/reaper.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "shim/system.hpp"

namespace gantry::native {

namespace {

[[noreturn]] void reap_until(pid_t child, const sigset_t& all) {
  for (;;) {
    const int signal = ::sigwaitinfo(&all, nullptr);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      ::kill(child, signal);
      continue;
    }
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended == child) ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
  }
}

}  // namespace

void fork_behind_reaper(int label, const std::string& profile, const ReportLine& line) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  const pid_t child = ::fork();
  if (child < 0) line.fail_errno("fork behind the init");
  if (child == 0) {
    // A session of its own would cost it the terminal: a group in the foreground is enough for ctrl-c.
    ::setpgid(0, 0);
    ::signal(SIGTTOU, SIG_IGN);
    ::tcsetpgrp(0, ::getpgrp());
    ::signal(SIGTTOU, SIG_DFL);
    return;
  }
  // Unconfined it must not go on; the shim sees it end.
  if (label >= 0 && write_all(label, "changeprofile " + profile) != 0) ::_exit(128 + SIGKILL);
  // The shim learns of the child's execve by the line's end.
  ::close(line.fd());
  reap_until(child, all);
}

}  // namespace gantry::native
