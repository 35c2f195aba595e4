#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "client/transport.hpp"
#include "command/failure.hpp"
#include "gantry/unique_fd.hpp"

extern char** environ;

namespace gantry::cli {

namespace {

// In single quotes, as a shell takes it.
std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The other side may have either of the two. `socket` is the daemon's there, if it is not the usual one.
std::string remote_command(const std::string& socket) {
  const std::string rest = (socket.empty() ? "" : " --host " + quoted("unix://" + socket)) + " system dial-stdio; ";
  return "if command -v gantry >/dev/null 2>&1; then exec gantry" + rest + "else exec docker" + rest + "fi";
}

std::vector<std::string> ssh_command(const Endpoint& endpoint) {
  std::vector<std::string> words{"ssh", "-o", "ConnectTimeout=30", "-T"};
  if (!endpoint.user.empty()) words.insert(words.end(), {"-l", endpoint.user});
  if (!endpoint.port.empty()) words.insert(words.end(), {"-p", endpoint.port});
  words.insert(words.end(), {"--", endpoint.host, remote_command(endpoint.path)});
  return words;
}

pid_t spawn(const std::vector<std::string>& words, int streams) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, streams, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, streams, STDOUT_FILENO);
  // Signals that this program holds back for a container are not held back from ssh.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  sigset_t pipe = none;
  ::sigaddset(&pipe, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &pipe);
  // A session of its own: Ctrl-C is for the container at the other end, and must not cut the line to it.
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw Failure("error during connect: exec: \"ssh\": executable file not found in $PATH");
  return pid;
}

}  // namespace

SshProcess::SshProcess(const Endpoint& endpoint) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw Failure("error during connect: socketpair");
  socket_.reset(ends[0]);
  const UniqueFd theirs{ends[1]};
  const auto words = ssh_command(endpoint);
  for (const std::string& word : words) shown_ += (shown_.empty() ? "" : " ") + word;
  pid_ = spawn(words, theirs.get());
}

SshProcess::~SshProcess() {
  socket_.reset();
  // It ends when its streams do; one that hangs in the network must not hold us up.
  if (pid_ > 0) ::kill(pid_, SIGTERM);
  if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

void SshProcess::check_end() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, 0) != pid_) return;
  pid_ = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) == 0) return;
  throw Failure("error during connect: command [" + shown_ + "] has exited with exit status " +
                std::to_string(WEXITSTATUS(status)) +
                ", make sure the URL is valid, and gantry or docker is installed on the remote host");
}

}  // namespace gantry::cli
