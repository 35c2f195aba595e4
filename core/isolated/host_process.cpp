#include "isolated/host_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "gantry/error.hpp"
#include "isolated/frame.hpp"

namespace gantry::isolated {
namespace {

[[noreturn]] void cannot_start(const std::string& what, int error) {
  throw Error{Errc::unavailable, "gantry-driver-host cannot be started: " + what + ": " + std::strerror(error)};
}

/// What the process begins with: the control socket and the driver's file, a process group of its own (a terminal's
/// Ctrl-C is the daemon's), and no signal blocked or ignored.
class HostSpawn {
 public:
  HostSpawn(int control, const DriverFile& file) : path_(file.path()) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, control, kControlFd);
    ::posix_spawn_file_actions_adddup2(&actions_, file.fd(), kFileFd);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  ~HostSpawn() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  HostSpawn(const HostSpawn&) = delete;
  HostSpawn& operator=(const HostSpawn&) = delete;

  pid_t run(const std::string& program) const {
    std::array<char*, 3> arguments{const_cast<char*>("gantry-driver-host"), const_cast<char*>(path_.c_str()), nullptr};
    pid_t pid = -1;
    const int failed = ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_, arguments.data(), environ);
    if (failed != 0) cannot_start("exec", failed);
    return pid;
  }

 private:
  const std::string& path_;
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string ending(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + ::strsignal(info.si_status) + ")";
}

}  // namespace

HostProgram::HostProgram(const std::string& path) {
  const UniqueFd opened{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (!opened) cannot_start(path, errno);
  // Away from the numbers that the process gets before it is executed.
  file_ = UniqueFd{::fcntl(opened.get(), F_DUPFD_CLOEXEC, kFirstFreeFd)};
}

std::string HostProgram::path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

HostProcess::HostProcess(const HostProgram& program, const DriverFile& file) {
  file.check();
  SocketPair pair = make_socket_pair();
  control_ = std::move(pair.ours);
  UniqueFd theirs = std::move(pair.theirs);
  // dup2 onto itself would leave it close-on-exec.
  if (theirs.get() < kFirstFreeFd) theirs = UniqueFd{::fcntl(theirs.get(), F_DUPFD_CLOEXEC, kFirstFreeFd)};
  pid_ = HostSpawn{theirs.get(), file}.run(program.path());
  process_ = UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0))};
  if (process_) return;
  const int failed = errno;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  cannot_start("pidfd_open", failed);
}

HostProcess::~HostProcess() {
  control_.reset();
  if (!ended_) wait(std::chrono::milliseconds{0});
}

void HostProcess::kill() noexcept {
  // Not by its number, which may be another process's once it has been waited for.
  ::syscall(SYS_pidfd_send_signal, process_.get(), SIGKILL, nullptr, 0);
}

std::string HostProcess::wait(std::chrono::milliseconds patience) {
  pollfd event{process_.get(), POLLIN, 0};
  while (::poll(&event, 1, static_cast<int>(patience.count())) < 0 && errno == EINTR) {
  }
  if ((event.revents & POLLIN) == 0) kill();
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
  ended_ = true;
  return ending(info);
}

}  // namespace gantry::isolated
