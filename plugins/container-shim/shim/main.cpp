// gantry-shim: stands beside one container, as gantryd's stand-in that survives it.

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "container_shim/protocol.hpp"
#include "shim/container.hpp"
#include "shim/control.hpp"
#include "shim/init.hpp"
#include "shim/oci_view.hpp"
#include "shim/reaper.hpp"
#include "shim/system.hpp"

namespace {

using namespace gantry;
using namespace gantry::container_shim;

constexpr std::size_t kMaxPlan = std::size_t{64} << 20;

/// Above the numbers that a process on its way into the container uses.
UniqueFd move_up(int fd) {
  const UniqueFd old(fd);
  return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
}

UniqueFd watch_children(Loop& loop, Container& container) {
  sigset_t children;
  ::sigemptyset(&children);
  ::sigaddset(&children, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &children, nullptr);
  UniqueFd fd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
  loop.add(fd.get(), EPOLLIN, [&container, number = fd.get()](std::uint32_t) {
    signalfd_siginfo news{};
    while (::read(number, &news, sizeof news) > 0) {
    }
    container.reap();
  });
  return fd;
}

int fail(int control, Errc code, const char* message) {
  answer(control, {static_cast<std::int32_t>(code), message, 0});
  return 1;
}

}  // namespace

int main(int /*count*/, char** arguments) {
  const std::string_view name = *arguments == nullptr ? "" : *arguments;
  if (name.ends_with("docker-init")) run_as_init(arguments + 1);
  if (name == kOciViewName) run_in_view(arguments + 1);
  // Whatever a library of the daemon's left open across execve ends here: a shim that held the API's socket would keep
  // the next daemon from listening.
  ::close_range(kInitProgramFd + 1, ~0U, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // no process of a container may look into a shim's child (CVE-2016-9962)
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::prctl(PR_SET_NAME, "gantry-shim", 0, 0, 0);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  ::umask(0077);

  UniqueFd control = move_up(kControlFd);
  Plan plan;
  {
    const UniqueFd plan_fd(kPlanFd);
    if (::lseek(plan_fd.get(), 0, SEEK_SET) < 0 || !decode(read_rest(plan_fd.get(), kMaxPlan), plan)) {
      std::fputs("gantry-shim is started by gantryd, not by hand\n", stderr);
      return 2;
    }
  }
  UniqueFd exit_pipe = move_up(kExitFd);
  UniqueFd init_program = plan.init == InitKind::program ? move_up(kInitProgramFd) : UniqueFd();
  // Held, so that nothing of the shim's own takes a number that a child's descriptors get.
  for (const int fd : {kReportFd, kProgramFd}) ::dup3(STDIN_FILENO, fd, O_CLOEXEC);
  if (::chdir(plan.directory.c_str()) < 0) return fail(control.get(), Errc::io, "chdir to the shim's directory failed");

  Loop loop;
  const int owner = control.get();
  Container container(loop, std::move(plan), std::move(exit_pipe), std::move(init_program));
  const UniqueFd children = watch_children(loop, container);
  Control requests(loop, container, std::move(control));
  if (requests.listen() != 0) return fail(owner, Errc::io, "listen on the shim's socket failed");
  container.create(UniqueFd(::fcntl(owner, F_DUPFD_CLOEXEC, 10)));
  loop.run();
  return 0;
}
