// Ways out of a container that an image, a volume's other user or a privileged neighbour may try.

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "native_fixture.hpp"

namespace gantry::native {

namespace {

namespace fs = std::filesystem;

class HostileRoot : public NativeTest {
 protected:
  /// The error of a container with one more bind, of an empty directory or file of the host's.
  std::string bind_error(const std::string& target, bool directory = true) {
    fs::create_directories(base() / "source");
    if (!directory) world().write("../file", "from the host");
    auto spec = world().spec({"true"});
    spec.mounts.push_back({"bind", directory ? base() / "source" : base() / "file", target, "", {"rbind"}});
    return start_error(spec);
  }
};

TEST_F(HostileRoot, ProcfsAndSysfsWantAnOrdinaryDirectory) {
  for (const char* place : {"proc", "sys"}) {
    fs::remove_all(world().root() / place);
    fs::create_symlink("/tmp", world().root() / place);
    const std::string type = std::string(place) == "sys" ? "sysfs" : place;
    EXPECT_TRUE(start_error(world().spec({"true"}))
                    .ends_with("filesystem \"" + type + "\" must be mounted on ordinary directory"));
    fs::remove(world().root() / place);
  }
}

TEST_F(HostileRoot, NothingGoesOntoProcfs) {
  const std::string why = "cannot be mounted because it is inside /proc";
  EXPECT_TRUE(bind_error("/proc/sys/kernel").ends_with("\"/proc/sys/kernel\" " + why));
  fs::create_symlink("/proc/self/attr", world().root() / "way");
  EXPECT_TRUE(bind_error("/way").ends_with("\"/way\" " + why));
  fs::create_symlink("proc", world().root() / "whole");
  EXPECT_TRUE(bind_error("/whole").ends_with("\"/whole\" " + why));
  auto spec = world().spec({"true"});
  spec.mounts.push_back({"tmpfs", "tmpfs", "/proc/scsi", "", {}});
  EXPECT_NE(start_error(spec), "");
}

TEST_F(HostileRoot, NothingTakesThePlaceOfProcfs) {
  fs::create_directories(base() / "source");
  auto spec = world().spec({"true"});
  std::erase_if(spec.mounts, [](const Mount& mount) { return mount.target == "/proc"; });
  spec.mounts.push_back({"bind", base() / "source", "/proc", "", {"rbind"}});
  EXPECT_TRUE(start_error(spec).ends_with("\"/proc\" cannot be mounted because it is not of type proc"));
  spec = world().shell("cat /proc/1/comm");
  for (Mount& mount : spec.mounts) {
    if (mount.target == "/proc") mount = {"bind", "/proc", "/proc", "", {"rbind"}};
  }
  EXPECT_EQ(start_error(spec), "") << "the host's procfs is one as well";
}

TEST_F(HostileRoot, WhatLxcfsProvidesMayBeCovered) {
  EXPECT_EQ(bind_error("/proc/uptime", false), "");
  auto spec = world().spec({"cat", "/proc/uptime"});
  spec.mounts.push_back({"bind", base() / "file", "/proc/uptime", "", {"bind"}});
  EXPECT_EQ(world().run(spec).out, "from the host");
}

TEST_F(HostileRoot, ANulDoesNotEndAPathEarly) {
  using namespace std::string_literals;
  auto spec = world().spec({"true"});
  spec.mounts.push_back({"tmpfs", "tmpfs", "/proc\0/safe"s, "", {}});
  EXPECT_EQ(start_error(spec), "invalid mount target: it has a NUL byte");
  spec = world().spec({"true"});
  spec.process.cwd = "/proc\0"s;
  EXPECT_EQ(start_error(spec), "invalid working directory: it has a NUL byte");
  spec = world().spec({"true"});
  spec.masked_paths = {"/proc/kcore\0"s};
  EXPECT_EQ(start_error(spec), "invalid masked path: it has a NUL byte");
}

// With CAP_SYS_PTRACE a container sees through /proc/<pid>/root what another process of its PID namespace sees.
TEST_F(HostileRoot, AnExecOnItsWayInShowsNothingOfTheHost) {
  std::ofstream(base() / "secret") << "x";
  auto spec = world().shell("echo ready; while [ ! -e /tmp/stop ]; do for f in /proc/[0-9]*/root" +
                            (base() / "secret").string() + " /proc/[0-9]*/cwd/../../secret" +
                            "; do [ -e $f ] && echo seen $f; done; done");
  spec.process.capabilities.push_back("CAP_SYS_PTRACE");
  auto live = world().launch(spec);
  std::string output = conformance::read_socket(live.streams.socket.get(), "ready\n");
  for (int round = 0; round < 200; ++round) EXPECT_EQ(world().exec_command(live.id, {"true"}).code, 0);
  // Its own end may come too late: it makes the init end, and the init's end kills it.
  const int code = world().exec_command(live.id, {"touch", "/tmp/stop"}).code;
  EXPECT_TRUE(code == 0 || code == 137) << code;
  EXPECT_EQ(world().finish(std::move(live)).out, "");
}

TEST_F(HostileRoot, AnExecThatIsKilledOnItsWayInIsAnswered) {
  // Each round ends the container in the middle of one.
  for (int round = 0; round < 30; ++round) {
    auto live = world().launch(world().shell("echo ready; exec sleep 1000"));
    conformance::read_socket(live.streams.socket.get(), "ready\n");
    std::thread killer([&] { driver().signal(live.id, "", SIGKILL, call()); });
    try {
      const Ended ended = world().exec_command(live.id, {"sleep", "1000"});
      EXPECT_EQ(ended.code, 137);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()), "container " + live.id + " is not running");
    }
    killer.join();
    EXPECT_EQ(world().finish(std::move(live)).code, 137);
  }
}

}  // namespace

}  // namespace gantry::native
