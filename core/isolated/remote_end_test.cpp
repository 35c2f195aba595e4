// The end of a driver's process.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "isolated/remote_fixture.hpp"

namespace gantry::isolated {
namespace {

TEST_F(Remotes, ThatDoNotEndAreNotWaitedForWhereTheirEndIsNoted) {
  settings_.ends = std::make_shared<Ends>();
  open();
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, remote_->pid(), 0))};
  faults("end=hang");
  driver_.reset();
  remote_.reset();
  pollfd end{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 0), 0) << "it was waited for";
  EXPECT_TRUE(settings_.ends->wait());
  EXPECT_EQ(::poll(&end, 1, 0), 1) << "its end was not waited for";
}

TEST_F(Remotes, EndWithTheDaemonAlsoWhileTheyHangInTheirEnd) {
  faults("end=hang");
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    open();
    const pid_t pid = remote_->pid();
    [[maybe_unused]] const ssize_t told = ::write(pipe[1], &pid, sizeof pid);
    driver_.reset();
    remote_.reset();
    ::_exit(0);
  }
  pid_t pid = -1;
  ASSERT_EQ(::read(pipe[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  const UniqueFd process{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  while (!fs::exists(root_ / "data" / "ending")) std::this_thread::yield();
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  pollfd end{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 20000), 1) << "it outlives the daemon";
  for (const int fd : pipe) ::close(fd);
}

TEST_F(Remotes, EndWithTheirOwner) {
  open();
  const pid_t pid = remote_->pid();
  driver_.reset();
  remote_.reset();
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

}  // namespace
}  // namespace gantry::isolated
