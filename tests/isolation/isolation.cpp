#include "isolation.hpp"

#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gantry/unique_fd.hpp"
#include "leftovers.hpp"

namespace gantry {
namespace {

std::string cgroup_of_run;

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::generic_category(), what}; }

UniqueFd open_process(pid_t pid) {
  UniqueFd fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!fd) fail("pidfd_open");
  return fd;
}

bool has_ended(int process, int patience_ms) {
  pollfd fd{process, POLLIN, 0};
  return ::poll(&fd, 1, patience_ms) > 0;
}

void bring_loopback_up() {
  const UniqueFd sock{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  if (!sock || ::ioctl(sock.get(), SIOCSIFFLAGS, &request) != 0) fail("cannot bring the loopback up");
}

// The first process of the namespace: reaps what its daemons leave; its end kills whatever is left.
[[noreturn]] void be_init(const std::function<int()>& body, const std::filesystem::path& directory) {
  try {
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("cannot make mounts private");
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail("cannot mount /proc");
    // A daemon of the host's is not there for a test, and its socket's place is free.
    if (std::filesystem::exists("/run/gantry") && ::mount("none", "/run/gantry", "tmpfs", 0, nullptr) != 0) {
      fail("cannot hide /run/gantry");
    }
    bring_loopback_up();
    if (::setenv("TMPDIR", directory.c_str(), 1) != 0) fail("cannot set TMPDIR");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "isolation: %s\n", error.what());
    ::_exit(1);
  }
  const pid_t test = ::fork();
  if (test == 0) std::exit(body());
  for (;;) {
    int status = 0;
    if (::waitpid(-1, &status, 0) != test) continue;
    if (WIFSIGNALED(status)) std::fprintf(stderr, "the test was ended by signal %d\n", WTERMSIG(status));
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

// fork(), but the child is the first of its namespaces. Its libc takes it for its parent: it forks before it does more.
pid_t fork_into_namespaces() {
  constexpr unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | SIGCHLD;
  const long pid = ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) fail("cannot make namespaces");
  return static_cast<pid_t>(pid);
}

void close_all_but(std::initializer_list<int> kept) {
  unsigned from = 0;
  for (const int fd : kept) {  // in ascending order
    if (static_cast<unsigned>(fd) > from) ::syscall(SYS_close_range, from, fd - 1, 0);
    from = static_cast<unsigned>(fd) + 1;
  }
  ::syscall(SYS_close_range, from, ~0U, 0);
}

// Ends the namespaces with the process that asked for them, and clears up behind them.
[[noreturn]] void guard(int runner, int init, const std::filesystem::path& directory) {
  pollfd fds[] = {{runner, POLLIN, 0}, {init, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
  ::syscall(SYS_pidfd_send_signal, init, SIGKILL, nullptr, 0);
  while (!has_ended(init, -1)) {
  }
  remove_leftovers(cgroup_of_run, directory);
  ::_exit(0);
}

// The guard is no descendant of this process, so that who kills it with all its children spares the guard. The
// descriptor hangs up when the guard has done its work.
UniqueFd start_guard(pid_t init_pid, const std::filesystem::path& directory) {
  const UniqueFd runner = open_process(::getpid());
  const UniqueFd init = open_process(init_pid);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
  UniqueFd done{ends[0]};
  const UniqueFd working{ends[1]};
  const pid_t middle = ::fork();
  if (middle == 0) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    close_all_but({runner.get(), init.get(), working.get()});
    guard(runner.get(), init.get(), directory);
  }
  ::waitpid(middle, nullptr, 0);
  return done;
}

}  // namespace

const std::string& test_cgroup() { return cgroup_of_run; }

int run_isolated(const std::function<int()>& body) {
  cgroup_of_run = "gantry-test-" + std::to_string(::getpid());
  const std::filesystem::path directory = std::filesystem::temp_directory_path() / cgroup_of_run;
  std::filesystem::create_directories(directory);
  std::fflush(nullptr);
  const pid_t init = fork_into_namespaces();
  if (init == 0) be_init(body, directory);
  const UniqueFd guard_done = start_guard(init, directory);
  int status = 0;
  while (::waitpid(init, &status, 0) < 0 && errno == EINTR) {
  }
  char byte = 0;
  while (::read(guard_done.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace gantry
