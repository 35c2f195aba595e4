#include "fetch_process/fetch_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

extern char** environ;

namespace gantry::fetch_process {
namespace {

/// What a process says is short; more than this is none of ours.
constexpr std::size_t kMostOutput = std::size_t{64} << 10;
/// Above those that the process gets, so that none is overwritten while it is being made.
constexpr int kLowest = 10;

[[noreturn]] void fail(const std::string& what) { throw Error{Errc::io, what + ": " + std::strerror(errno)}; }

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe");
  const UniqueFd first{ends[0]};
  const UniqueFd second{ends[1]};
  return {UniqueFd{::fcntl(first.get(), F_DUPFD_CLOEXEC, kLowest)},
          UniqueFd{::fcntl(second.get(), F_DUPFD_CLOEXEC, kLowest)}};
}

/// A password in an address is not for everybody who may list processes: so it is no argument.
UniqueFd make_input(const std::string& text) {
  const UniqueFd file{::memfd_create("address", MFD_CLOEXEC)};
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail("cannot hand an address over");
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return UniqueFd{::fcntl(file.get(), F_DUPFD_CLOEXEC, kLowest)};
}

pid_t spawn(const std::vector<std::string>& words, int input, int target, int output, int errors, int lent) {
  const UniqueFd high{::fcntl(target, F_DUPFD_CLOEXEC, kLowest)};
  const UniqueFd high_lent{lent < 0 ? -1 : ::fcntl(lent, F_DUPFD_CLOEXEC, kLowest)};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, high.get(), 3);
  if (high_lent) ::posix_spawn_file_actions_adddup2(&actions, high_lent.get(), 4);
  // Connections of clients among them, which are not close-on-exec.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, high_lent ? 5 : 4);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, words.front().c_str(), &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  errno = failed;
  if (failed != 0) fail("cannot start " + words.front());
  return pid;
}

/// A child that is gone when this is.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

void read_some(UniqueFd& from, std::string& into) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::read(from.get(), buffer.data(), buffer.size());
  if (got > 0 && into.size() < kMostOutput) into.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EINTR)) from.reset();
}

}  // namespace

Told fetch(const std::vector<std::string>& words, const std::string& address, int target, const std::string& subject,
           const std::function<void()>& check, int lent) {
  const UniqueFd input = make_input(address);
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  Child child{spawn(words, input.get(), target, output.write.get(), errors.write.get(), lent)};
  output.write.reset();
  errors.write.reset();
  std::string told;
  std::string why;
  while (output.read || errors.read) {
    pollfd waiting[] = {{output.read ? output.read.get() : -1, POLLIN, 0},
                        {errors.read ? errors.read.get() : -1, POLLIN, 0}};
    ::poll(waiting, 2, 100);
    check();
    if (waiting[0].revents != 0) read_some(output.read, told);
    if (waiting[1].revents != 0) read_some(errors.read, why);
  }
  const int status = child.wait();
  if (!WIFEXITED(status))
    throw Error{Errc::io, subject + ": the process was ended by signal " + std::to_string(WTERMSIG(status))};
  if (const int code = WEXITSTATUS(status); code != 0) {
    const bool known = code > static_cast<int>(Errc::invalid) && code <= 1 + static_cast<int>(Errc::internal);
    throw Error{known ? static_cast<Errc>(code - 1) : Errc::io, subject + ": " + why};
  }
  Told out;
  std::istringstream lines{told};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) out[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return out;
}

std::string without_password(const std::string& url) {
  const std::size_t start = url.find("://");
  if (start == std::string::npos) return url;
  const std::size_t end = std::min(url.find('/', start + 3), url.size());
  const std::size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < start) return url;
  // Of SSH the user is no secret: a token is none of its, only a password would be.
  if (url.starts_with("ssh://") && url.substr(start + 3, at - start - 3).find(':') == std::string::npos) return url;
  return url.substr(0, start + 3) + "xxxxx:xxxxx" + url.substr(at);
}

}  // namespace gantry::fetch_process
