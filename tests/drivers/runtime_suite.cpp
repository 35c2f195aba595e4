// What every runtime driver must do: the life of a container.

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "gantry/oom_watch.hpp"
#include "gantry/runtime.hpp"
#include "runtime_world.hpp"
#include "subject.hpp"

namespace gantry::conformance {

using runtime::v1::ExitStatus;
using runtime::v1::Running;
using runtime::v1::Stats;
using runtime::v1::Streams;

class Runtime : public Suite<runtime::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    world_ = std::make_unique<RuntimeWorld>([this]() -> runtime::v1::Driver& { return driver(); }, call(), scratch());
  }

  void TearDown() override {
    world_.reset();
    Suite::TearDown();
  }

  RuntimeWorld& world() { return *world_; }

  /// As the daemon does it with userns-remap.
  static void remap(RuntimeWorld::Spec& spec) {
    spec.namespaces.push_back({"user", ""});
    spec.uid_map = spec.gid_map = {{0, 100000, 65536}};
    spec.root.front().options.emplace_back(kIdMapOption);
  }

  std::vector<std::string> held() {
    std::vector<std::string> ids;
    driver().list(ids, call());
    return ids;
  }

 private:
  std::unique_ptr<RuntimeWorld> world_;
};

TEST_F(Runtime, TellsExitCodesAsAShell) {
  EXPECT_EQ(world().run(world().spec({"true"})).code, 0);
  EXPECT_EQ(world().run_shell("exit 42").code, 42);
  EXPECT_EQ(world().run_shell("sh -c 'kill -KILL $$'; exit $?").code, 137);
}

TEST_F(Runtime, SeparatesTheStreams) {
  const Ended ended = world().run_shell("echo out; echo err >&2");
  EXPECT_EQ(ended.out, "out\n");
  EXPECT_EQ(ended.err, "err\n");
}

TEST_F(Runtime, HoldsTheProcessUntilStart) {
  auto live = world().prepare(world().shell("echo ran"));
  EXPECT_GT(live.running.pid, 0);
  EXPECT_GT(live.running.start_time, 0U);
  EXPECT_EQ(world().log(live.id), "");
  EXPECT_TRUE(std::filesystem::exists("/proc/" + std::to_string(live.running.pid) + "/ns/net"));
  driver().start(live.id, call());
  EXPECT_EQ(world().finish(std::move(live)).out, "ran\n");
}

TEST_F(Runtime, RefusesASecondContainerOfTheSameId) {
  const auto spec = world().spec({"sleep", "1000"});
  auto live = world().launch(spec);
  Running second;
  EXPECT_ERRC(driver().create(spec, second, call()), Errc::conflict);
  world().kill(std::move(live));
}

TEST_F(Runtime, UnknownContainersAreNotFound) {
  const std::string id = world().new_id();
  Running running;
  Streams streams;
  ExitStatus status;
  EXPECT_ERRC(driver().start(id, call()), Errc::not_found);
  EXPECT_ERRC(driver().signal(id, "", SIGTERM, call()), Errc::not_found);
  EXPECT_ERRC(driver().attach(id, streams, call()), Errc::not_found);
  EXPECT_ERRC(driver().exit_status(id, "", status, call()), Errc::not_found);
  EXPECT_ERRC(driver().adopt(id, running, call()), Errc::not_found);
  EXPECT_NO_THROW(driver().remove(id, call()));
}

TEST_F(Runtime, AFailedStartLeavesNothing) {
  const auto spec = world().spec({"nonesuch"});
  Running running;
  try {
    driver().create(spec, running, call());  // some look so early
    driver().start(spec.id, call());
    FAIL() << "a missing program was started";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::not_found);
    EXPECT_STREQ(error.what(), "exec: \"nonesuch\": executable file not found in $PATH");
  }
  EXPECT_EQ(held(), std::vector<std::string>{});
}

TEST_F(Runtime, ListsWhatItHolds) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  EXPECT_EQ(held(), std::vector<std::string>{live.id});
  world().kill(std::move(live));
  EXPECT_EQ(held(), std::vector<std::string>{});
}

TEST_F(Runtime, SignalsReachTheProcess) {
  auto live = world().launch(world().shell("trap 'echo got; exit 7' USR1; echo ready; while :; do sleep 0.05; done"));
  const std::string ready = read_socket(live.streams.socket.get(), "ready\n");
  driver().signal(live.id, "", SIGUSR1, call());
  EXPECT_EQ(world().finish(std::move(live)).code, 7);
}

TEST_F(Runtime, RemoveEndsWhatRuns) {
  auto live = world().launch(world().shell("sleep 1000 & sleep 1000"));
  driver().remove(live.id, call());
  EXPECT_TRUE(wait_readable(live.running.exit_fd.get()));
  EXPECT_NO_THROW(driver().remove(live.id, call()));
}

TEST_F(Runtime, ContainersSurviveTheDaemon) {
  auto spec = world().shell("echo before; read line; echo after $line; exit 9");
  spec.stdio.open_stdin = true;
  auto live = world().launch(spec);
  read_socket(live.streams.socket.get(), "before\n");
  live.streams.socket.reset();
  reopen();
  Running adopted;
  driver().adopt(live.id, adopted, call());
  EXPECT_EQ(adopted.pid, live.running.pid);
  EXPECT_EQ(adopted.start_time, live.running.start_time);
  Streams streams;
  driver().attach(live.id, streams, call());
  write_socket(streams.socket.get(), "restart\n");
  EXPECT_EQ(demultiplex(read_socket(streams.socket.get())).out, "after restart\n");
  EXPECT_TRUE(wait_readable(adopted.exit_fd.get()));
  ExitStatus status;
  driver().exit_status(live.id, "", status, call());
  EXPECT_EQ(status.code, 9);
}

TEST_F(Runtime, TellsOfAnEndThatTheDaemonMissed) {
  auto live = world().launch(world().shell("exit 5"));
  ASSERT_TRUE(wait_readable(live.running.exit_fd.get()));
  reopen();
  Running adopted;
  driver().adopt(live.id, adopted, call());
  EXPECT_TRUE(wait_readable(adopted.exit_fd.get(), 0));
  ExitStatus status;
  driver().exit_status(live.id, "", status, call());
  EXPECT_EQ(status.code, 5);
}

TEST_F(Runtime, WhatWasNotStartedDiesWithTheDaemon) {
  const auto spec = world().spec({"sleep", "1000"});
  Running running;
  driver().create(spec, running, call());
  reopen();
  EXPECT_TRUE(wait_readable(running.exit_fd.get()));
  Running adopted;
  EXPECT_ERRC(driver().adopt(spec.id, adopted, call()), Errc::not_found);
  driver().remove(spec.id, call());
}

TEST_F(Runtime, ExecRunsBeside) {
  if (!can("exec")) GTEST_SKIP();
  auto live = world().launch(world().spec({"sleep", "1000"}));
  const Ended ended = world().exec_command(live.id, {"sh", "-c", "echo hello; echo oops >&2; hostname; exit 3"});
  EXPECT_EQ(ended.out, "hello\nbox\n");
  EXPECT_EQ(ended.err, "oops\n");
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(world().exec(live.id, world().exec_spec({"cat"}), "from stdin").out, "from stdin");
  EXPECT_ERRC(world().exec_command(live.id, {"nonesuch"}), Errc::not_found);
  world().kill(std::move(live));
}

TEST_F(Runtime, PauseStopsTheClock) {
  if (!can("pause")) GTEST_SKIP();
  auto live = world().launch(world().spec({"sleep", "1000"}));
  driver().pause(live.id, call());
  driver().resume(live.id, call());
  EXPECT_EQ(world().exec_command(live.id, {"echo", "on"}).out, "on\n");
  driver().pause(live.id, call());
  driver().remove(live.id, call());
}

TEST_F(Runtime, ChangesMountsOfWhatRuns) {
  if (!can("live-mounts")) GTEST_SKIP();
  auto* const able = static_cast<runtime::v1::LiveMounts*>(driver().query(runtime::v1::LiveMounts::kAbility));
  ASSERT_NE(able, nullptr);
  std::filesystem::create_directories(scratch() / "source");
  std::ofstream(scratch() / "source/file") << "content";
  auto live = world().launch(world().spec({"sleep", "1000"}));
  able->mount(live.id, {"bind", scratch() / "source", "/made/here", "", {"rbind", "ro"}}, call());
  EXPECT_EQ(world().exec_command(live.id, {"cat", "/made/here/file"}).out, "content");
  EXPECT_NE(world().exec_command(live.id, {"touch", "/made/here/file"}).code, 0);
  able->mount(live.id, {"tmpfs", "tmpfs", "/scratch", "", {"nosuid", "size=1m"}}, call());
  EXPECT_EQ(world().exec_command(live.id, {"touch", "/scratch/file"}).code, 0);
  able->unmount(live.id, "/made/here", call());
  EXPECT_NE(world().exec_command(live.id, {"cat", "/made/here/file"}).code, 0);
  EXPECT_ERRC(able->unmount(live.id, "/made/here", call()), Errc::invalid);
  EXPECT_ERRC(able->mount(live.id, {"bind", scratch() / "nonesuch", "/x", "", {"rbind"}}, call()), Errc::invalid);
  EXPECT_ERRC(able->mount(live.id, {"tmpfs", "tmpfs", "/proc/sys", "", {}}, call()), Errc::invalid);
  const std::string id = live.id;
  world().kill(std::move(live));
  EXPECT_ERRC(able->unmount(id, "/scratch", call()), Errc::not_found);
}

TEST_F(Runtime, TellsOfALackOfMemory) {
  using runtime::v1::OomWatch;
  if (!can("oom-watch")) GTEST_SKIP();
  auto* const able = static_cast<OomWatch*>(driver().query(OomWatch::kAbility));
  ASSERT_NE(able, nullptr);
  auto spec = world().shell("until test -e /go; do :; done; sh -c 'x=a; while :; do x=$x$x$x$x; done'; sleep 1000");
  spec.resources.memory = 30 << 20;
  auto live = world().launch(spec);
  UniqueFd changed;
  try {
    able->watch_oom(live.id, changed, call());
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) GTEST_SKIP() << error.what();
    throw;
  }
  std::uint64_t seen = 0;
  EXPECT_FALSE(able->has_struck(live.id, changed.get(), seen, call()));
  EXPECT_EQ(world().exec_command(live.id, {"touch", "/go"}).code, 0);
  bool struck = false;
  for (pollfd ready{changed.get(), POLLIN, 0}; !struck && ::poll(&ready, 1, 20'000) > 0;) {
    struck = able->has_struck(live.id, changed.get(), seen, call());
  }
  EXPECT_TRUE(struck);
  EXPECT_EQ(world().exec_command(live.id, {"echo", "on"}).out, "on\n") << "it runs on";
  EXPECT_ERRC(able->watch_oom("nonesuch", changed, call()), Errc::not_found);
  world().kill(std::move(live));
}

TEST_F(Runtime, LiveMountsStayInsideOfTheRoot) {
  if (!can("live-mounts")) GTEST_SKIP();
  auto* const able = static_cast<runtime::v1::LiveMounts*>(driver().query(runtime::v1::LiveMounts::kAbility));
  ASSERT_NE(able, nullptr);
  auto live =
      world().launch(world().shell("mkdir /real; ln -s / /tmp/up; ln -s ../../../../real /tmp/out; sleep 1000"));
  while (world().exec_command(live.id, {"test", "-L", "/tmp/out"}).code != 0) continue;
  able->mount(live.id, {"tmpfs", "tmpfs", "/tmp/out/new", "", {}}, call());
  EXPECT_EQ(world().exec_command(live.id, {"test", "-d", "/real/new"}).code, 0);
  EXPECT_FALSE(std::filesystem::exists("/real"));
  able->unmount(live.id, "/tmp/up/real/new", call());
  world().kill(std::move(live));
}

TEST_F(Runtime, LiveUnmountsSpareTheKernelsFiles) {
  if (!can("live-mounts")) GTEST_SKIP();
  auto* const able = static_cast<runtime::v1::LiveMounts*>(driver().query(runtime::v1::LiveMounts::kAbility));
  ASSERT_NE(able, nullptr);
  // The way to a volume's mount, exchanged for one to what covers the kernel's files.
  auto live = world().launch(world().shell("mkdir -p /app/sys; ln -s /proc /way; ln -s /sys /other; sleep 1000"));
  while (world().exec_command(live.id, {"test", "-L", "/other"}).code != 0) continue;
  const auto mounts = [&] { return world().exec_command(live.id, {"cat", "/proc/self/mounts"}).out; };
  const std::string before = mounts();
  for (const char* target : {"/way/sys", "/way/kcore", "/other/firmware", "/proc/sys"}) {
    EXPECT_THROW(able->unmount(live.id, target, call()), Error) << target;
  }
  EXPECT_EQ(mounts(), before);
  world().kill(std::move(live));
}

TEST_F(Runtime, SetsWhatABindIsToldAndKeepsWhatTheHostForbids) {
  const std::filesystem::path source = scratch() / "restricted";
  std::filesystem::create_directories(source);
  ASSERT_EQ(::mount("tmpfs", source.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k"), 0);
  auto spec = world().shell("grep -E ' /[mr] ' /proc/self/mounts | cut -d' ' -f2,4");
  spec.mounts.push_back({"bind", source, "/m", "", {"rbind", "rprivate", "noatime"}});
  spec.mounts.push_back({"bind", source, "/r", "", {"rbind", "rprivate", "ro"}});
  const Ended ended = world().run(spec);
  ::umount2(source.c_str(), MNT_DETACH);
  EXPECT_NE(ended.out.find("/m rw,nosuid,nodev,noexec,noatime,"), std::string::npos) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("/r ro,nosuid,nodev,noexec,relatime,"), std::string::npos) << ended.out << ended.err;
}

TEST_F(Runtime, MapsIdsAndLeavesThoseOnDisk) {
  if (!can("user-namespace") || !can("idmap")) GTEST_SKIP();
  auto spec =
      world().shell("cat /proc/self/uid_map; stat -c %u /bin/busybox; touch /made; mknod /node c 1 3 || echo no");
  remap(spec);
  EXPECT_EQ(world().run(spec).out, "         0     100000      65536\n0\nno\n");
  struct stat made {};
  ASSERT_EQ(::stat((world().root() / "made").c_str(), &made), 0);
  EXPECT_EQ(made.st_uid, 0U);
  EXPECT_EQ(made.st_gid, 0U);
  auto plain = world().shell("stat -c %u /made");
  plain.root.front().options.emplace_back(kIdMapOption);
  EXPECT_EQ(world().run(plain).out, "0\n") << "without a user namespace the option says nothing";
}

TEST_F(Runtime, JoinsAUserNamespace) {
  if (!can("user-namespace") || !can("idmap")) GTEST_SKIP();
  auto first = world().shell("sleep 1000");
  remap(first);
  auto live = world().launch(first);
  const std::string spaces = "/proc/" + std::to_string(live.running.pid) + "/ns/";
  auto second =
      world().shell("readlink /proc/self/ns/user; readlink /proc/self/ns/net; touch /joined && stat -c %u /joined");
  remap(second);
  for (auto& space : second.namespaces) {
    if (space.kind == "network") space.path = spaces + "net";
    if (space.kind == "user") space.path = spaces + "user";
  }
  EXPECT_EQ(world().run(second).out, std::filesystem::read_symlink(spaces + "user").string() + "\n" +
                                         std::filesystem::read_symlink(spaces + "net").string() + "\n0\n");
  world().kill(std::move(live));
}

TEST_F(Runtime, CountsProcessesAndMemory) {
  auto live = world().launch(world().shell("sleep 1000 & echo ready; wait"));
  read_socket(live.streams.socket.get(), "ready\n");
  std::vector<std::int64_t> pids;
  driver().processes(live.id, pids, call());
  EXPECT_NE(std::find(pids.begin(), pids.end(), live.running.pid), pids.end());
  EXPECT_EQ(pids.size(), 2U);
  if (can("stats")) {
    Stats stats;
    driver().stats(live.id, stats, call());
    EXPECT_GT(stats.read_at_ns, 0);
    EXPECT_EQ(stats.pids_current, 2U);
    EXPECT_GT(stats.memory_usage, 0U);
  }
  world().kill(std::move(live));
}

}  // namespace gantry::conformance
