#include "shim/reaper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "shim/system.hpp"

namespace gantry::container_shim {

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
  std::array<int, 2> confined{-1, -1};  // Closed when the parent is: not before that may anything of the container run.
  if (label >= 0 && ::pipe2(confined.data(), O_CLOEXEC) < 0) line.fail_errno("make a pipe to the init");
  const pid_t child = ::fork();
  if (child < 0) line.fail_errno("fork behind the init");
  if (child == 0) {
    // A session of its own would cost it the terminal: a group in the foreground is enough for ctrl-c.
    ::setpgid(0, 0);
    ::signal(SIGTTOU, SIG_IGN);
    ::tcsetpgrp(0, ::getpgrp());
    ::signal(SIGTTOU, SIG_DFL);
    if (label >= 0) {
      ::close(confined[1]);
      char none;
      while (::read(confined[0], &none, 1) < 0 && errno == EINTR) {
      }
    }
    return;
  }
  if (label >= 0) {
    // Unconfined it must not go on; the shim sees it end.
    if (write_all(label, "changeprofile " + profile) != 0) ::_exit(128 + SIGKILL);
    for (const int fd : {label, confined[0], confined[1]}) ::close(fd);
  }
  // The shim learns of the child's execve by the line's end.
  ::close(line.fd());
  reap_until(child, all);
}

void run_as_init(char** arguments) {
  if (*arguments != nullptr && std::strcmp(*arguments, "--") == 0) ++arguments;
  if (*arguments == nullptr) ::_exit(1);
  fork_behind_reaper(-1, {}, ReportLine(-1));
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(*arguments, arguments);
  const int error = errno;
  const std::string why = "exec " + std::string(*arguments) + " failed: " + ::strerror(error) + "\n";
  write_all(STDERR_FILENO, why);
  ::_exit(error == ENOENT ? 127 : 126);
}

}  // namespace gantry::container_shim
