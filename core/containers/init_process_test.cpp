#include "containers/init_process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace gantry::containers {
namespace {

TEST(InitProcess, IsTheOneThatBeganThen) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  const std::uint64_t start =
      start_time_of(UniqueFd{::open(("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_CLOEXEC)});
  EXPECT_NE(start, 0U);
  const UniqueFd init = open_init(pid, start);
  ASSERT_TRUE(init);
  EXPECT_FALSE(open_init(pid, start + 1));
  EXPECT_TRUE(open_network("bridge", pid, start));
  EXPECT_FALSE(open_network("bridge", pid, start + 1));
  EXPECT_EQ(errno, ESRCH);
  EXPECT_FALSE(has_ended(init));
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(has_ended(init));
  EXPECT_FALSE(open_init(pid, start));
}

}  // namespace
}  // namespace gantry::containers
