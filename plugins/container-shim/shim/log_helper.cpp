#include "shim/log_helper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "shim/system.hpp"

namespace gantry::container_shim {

namespace {

constexpr int kExtraFd = STDERR_FILENO + 1;

[[noreturn]] void become(const std::vector<std::string>& command, int input, int extra) {
  // What the shim ignores and holds back is nothing to the program.
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(input, STDIN_FILENO) < 0) ::_exit(126);
  const bool given = extra >= 0 && ::dup2(extra, kExtraFd) == kExtraFd;
  ::close_range(given ? kExtraFd + 1 : kExtraFd, ~0U, 0);
  if (given) ::fcntl(kExtraFd, F_SETFD, 0);  // were it that number already
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  char* const no_environment[] = {nullptr};
  ::execve(arguments[0], arguments.data(), no_environment);
  ::_exit(127);
}

}  // namespace

UniqueFd run_log_helper(const std::vector<std::string>& command, const UniqueFd& input, int extra) {
  UniqueFd pidfd;
  if (command.empty() || !input) return pidfd;
  const pid_t pid = clone_process(0, pidfd);
  if (pid == 0) become(command, input.get(), extra);
  if (pid < 0) pidfd.reset();
  return pidfd;  // the loop reaps it, or init when the shim has gone
}

}  // namespace gantry::container_shim
