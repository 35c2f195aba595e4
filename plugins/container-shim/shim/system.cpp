#include "shim/system.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace gantry::container_shim {

pid_t clone_process(std::uint64_t flags, UniqueFd& pidfd, int cgroup) {
  int fd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&fd);
  // A sibling inherits what its parent hears of an end.
  args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
  if (pid > 0) pidfd.reset(fd);
  return pid;
}

KeptDeathSignal::KeptDeathSignal() { ::prctl(PR_GET_PDEATHSIG, &signal_, 0, 0, 0); }

KeptDeathSignal::~KeptDeathSignal() { ::prctl(PR_SET_PDEATHSIG, signal_, 0, 0, 0); }

int openat2_retrying(int directory, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    // EAGAIN: a rename or mount elsewhere on the host raced with a "..".
    if (fd >= 0 || errno != EAGAIN) return static_cast<int>(fd);
  }
}

int openat2_in_root(int root, const char* path, int flags, std::uint64_t extra_resolve) {
  return openat2_retrying(root, path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | extra_resolve);
}

std::string read_rest(int fd, std::size_t limit) {
  std::string content;
  char buffer[4096];
  while (content.size() < limit) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count <= 0) break;
    content.append(buffer, static_cast<std::size_t>(count));
  }
  return content;
}

std::string read_small_file(const char* path, std::size_t limit) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  return fd ? read_rest(fd.get(), limit) : std::string();
}

int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return 0;
}

int write_whole_file(const char* path, std::string_view content, int extra_flags) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC | extra_flags, 0600));
  if (!fd) return errno;
  // One write: the kernel's own files take a value only as a whole.
  return ::write(fd.get(), content.data(), content.size()) < 0 ? errno : 0;
}

int replace_file(const char* path, std::string_view content) {
  const std::string temporary = std::string(path) + ".new";
  const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return errno;
  if (const int error = write_all(fd.get(), content); error != 0) return error;
  return ::rename(temporary.c_str(), path) == 0 ? 0 : errno;
}

std::string number(std::int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

std::uint64_t process_start_time(pid_t pid) {
  const std::string stat = read_small_file(("/proc/" + number(pid) + "/stat").c_str());
  // The command's name may hold spaces and parentheses: count fields from behind its end.
  std::size_t at = stat.rfind(')');
  if (at == std::string::npos) return 0;
  for (int field = 2; field < 22; ++field) {
    at = stat.find(' ', at + 1);
    if (at == std::string::npos) return 0;
  }
  return std::strtoull(stat.c_str() + at + 1, nullptr, 10);
}

}  // namespace gantry::container_shim
