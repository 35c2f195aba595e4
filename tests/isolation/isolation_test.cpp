#include "isolation/isolation.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"
#include "isolation/own_sys.hpp"

namespace gantry {
namespace {

namespace fs = std::filesystem;

// The hierarchies that cgroups may be made in: those of v1, or the one of v2.
std::vector<fs::path> hierarchies() {
  std::vector<fs::path> found;
  for (const fs::path candidate : {"/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"}) {
    if (fs::exists(candidate / "cgroup.procs")) found.push_back(candidate);
  }
  return found;
}

// A test that leaves a file, cgroups and a daemon in them behind, says where, and does not end.
int leave_things_behind(int out) {
  const std::string file = fs::temp_directory_path() / "file";
  std::ofstream{file} << "left";
  std::string said = file + "\n";
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      for (const fs::path& hierarchy : hierarchies()) {
        const fs::path cgroup = hierarchy / test_cgroup() / "parent/container";
        fs::create_directories(cgroup);
        std::ofstream{cgroup / "cgroup.procs"} << 0;
        said += cgroup.string() + "\n";
      }
      if (::write(out, said.data(), said.size()) < 0) return 1;
      for (;;) ::pause();
    }
    return 0;
  }
  for (;;) ::pause();
}

TEST(Isolation, PassesTheCodeOn) {
  EXPECT_EQ(run_isolated([] { return 0; }), 0);
  EXPECT_EQ(run_isolated([] { return 7; }), 7);
  EXPECT_EQ(run_isolated([] { return ::raise(SIGKILL); }), 128 + SIGKILL);
}

// A driver that looks there for a free name, or for one that is taken, is to find what it has made.
TEST(Isolation, SysShowsTheInterfacesOfTheTest) {
  const std::vector<fs::path> before = hierarchies();
  const auto look = [&before] {
    show_own_sys();
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{"/sys/class/net"}) {
      if (fs::exists(entry.path() / "ifindex")) names.push_back(entry.path().filename());
    }
    if (names != std::vector<std::string>{"lo"}) return 1;
    return hierarchies() == before ? 0 : 2;
  };
  EXPECT_EQ(run_isolated(look), 0);
}

TEST(Isolation, AKilledTestLeavesNothing) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd said{ends[0]};
  UniqueFd say{ends[1]};
  const pid_t runner = ::fork();
  if (runner == 0) std::_Exit(run_isolated([&] { return leave_things_behind(say.get()); }));
  say.reset();
  std::string text(4096, '\0');
  const ssize_t size = ::read(said.get(), text.data(), text.size());
  ASSERT_GT(size, 0);
  text.resize(static_cast<std::size_t>(size));
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  // The pipe hangs up when the last process that could write to it is gone.
  char byte = 0;
  EXPECT_EQ(::read(said.get(), &byte, 1), 0);
  std::size_t at = 0;
  for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const fs::path left = text.substr(at, end - at);
    // The guard is nobody's child: there is no event to wait for.
    for (int attempt = 0; attempt < 500 && fs::exists(left); ++attempt) ::usleep(20'000);
    EXPECT_FALSE(fs::exists(left)) << left;
  }
}

}  // namespace
}  // namespace gantry
