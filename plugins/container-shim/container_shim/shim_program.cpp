#include "container_shim/shim_program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "container_shim/protocol.hpp"
#include "gantry/error.hpp"

namespace gantry::container_shim {

namespace {

[[noreturn]] void fail(Errc code, const std::string& what, int error) {
  throw Error{code, what + ": " + std::strerror(error)};
}

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void null(int fd) { ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0); }
  void give(int from, int to) { ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigset_t set;
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes_, &set);
    // What a daemon may ignore, and exec would hand on; the shim sees to the rest.
    for (const int signal : {SIGPIPE, SIGCHLD, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) ::sigaddset(&set, signal);
    ::posix_spawnattr_setsigdefault(&attributes_, &set);
  }
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

/// A descriptor above those that the shim is given, so that handing over one does not overwrite the next.
UniqueFd above(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 16)); }

}  // namespace

UniqueFd load_sealed(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (!file || ::fstat(file.get(), &facts) < 0)
    fail(errno == ENOENT ? Errc::not_found : Errc::io, "open " + path, errno);
  UniqueFd memory(::memfd_create("gantry-shim", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) fail(Errc::unsupported, "memfd_create", errno);
  for (off_t left = facts.st_size; left > 0;) {
    const ssize_t copied = ::sendfile(memory.get(), file.get(), nullptr, static_cast<std::size_t>(left));
    if (copied <= 0) fail(Errc::io, "read " + path, copied < 0 ? errno : EIO);
    left -= copied;
  }
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
    fail(Errc::unsupported, "seal the copy of " + path, errno);
  }
  return memory;
}

UniqueFd memory_file(const char* name, const std::string& text) {
  UniqueFd memory(::memfd_create(name, MFD_CLOEXEC));
  if (!memory || ::write(memory.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    fail(Errc::io, "memfd_create", errno);
  }
  return memory;
}

pid_t spawn_shim(int program, const std::string& id, const ShimDescriptors& descriptors) {
  const UniqueFd control = above(descriptors.control), plan = above(descriptors.plan);
  const UniqueFd exit_pipe = above(descriptors.exit_pipe), executable = above(program);
  const UniqueFd init = descriptors.init_program >= 0 ? above(descriptors.init_program) : UniqueFd();
  SpawnActions actions;
  for (int fd = 0; fd < 3; ++fd) actions.null(fd);
  actions.give(control.get(), kControlFd);
  actions.give(plan.get(), kPlanFd);
  actions.give(exit_pipe.get(), kExitFd);
  if (init) actions.give(init.get(), kInitProgramFd);
  const std::string path = "/proc/self/fd/" + std::to_string(executable.get());
  std::string name = "gantry-shim", argument = id;
  char* const arguments[] = {name.data(), argument.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, path.c_str(), actions.get(), SpawnAttributes().get(), arguments, environment);
  if (error != 0) fail(Errc::io, "start gantry-shim", error);
  return pid;
}

}  // namespace gantry::container_shim
