// The shim's side: streams, logs, execs, limits, and what remains when somebody dies.

#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "container_shim/processes.hpp"
#include "container_shim/protocol.hpp"
#include "native_fixture.hpp"

namespace gantry::native {

namespace fs = std::filesystem;
using conformance::read_socket;
using conformance::wait_readable;
using conformance::write_socket;

class Lifecycle : public NativeTest {
 protected:
  struct LogLine {
    std::string text;
    std::string stream;
  };

  std::vector<LogLine> log_lines(const std::string& text) {
    std::vector<LogLine> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
      const auto json = nlohmann::json::parse(line);
      EXPECT_EQ(json.size(), 3U);
      EXPECT_TRUE(json.at("time").get<std::string>().ends_with("Z"));
      lines.push_back({json.at("log"), json.at("stream")});
    }
    return lines;
  }

  pid_t shim_of(const std::string& id) {
    std::ifstream state(base() / "exec" / id / kStateFile);
    pid_t pid = 0;
    state >> pid;
    return pid;
  }
};

TEST_F(Lifecycle, LogsEachLineOfEachStream) {
  const auto spec = world().shell("echo one; echo two >&2; printf 'three'");
  world().run(spec);
  const auto lines = log_lines(world().log(spec.id));
  ASSERT_EQ(lines.size(), 3U);
  std::string out, err;
  for (const LogLine& line : lines) (line.stream == "stderr" ? err : out) += line.text;
  EXPECT_EQ(out, "one\nthree");
  EXPECT_EQ(err, "two\n");
}

TEST_F(Lifecycle, SplitsLongLinesAsDocker) {
  const auto plain =
      world().shell("i=0; s=xxxxxxxxxxxxxxxx; while [ $i -lt 11 ]; do s=$s$s; i=$((i+1)); done; echo $s");
  world().run(plain);
  const auto lines = log_lines(world().log(plain.id));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].text.size(), 16384U);
  EXPECT_EQ(lines[1].text.size(), 16384U);
  EXPECT_EQ(lines[2].text, "\n");
}

TEST_F(Lifecycle, RotatesTheLog) {
  auto spec = world().shell("seq 1 2000");
  spec.stdio.log_max_size = 20000;
  spec.stdio.log_max_files = 3;
  world().run(spec);
  const fs::path path = world().log_path(spec.id);
  EXPECT_TRUE(fs::exists(path.string() + ".1"));
  EXPECT_TRUE(fs::exists(path.string() + ".2"));
  EXPECT_FALSE(fs::exists(path.string() + ".3"));
  for (const char* suffix : {"", ".1", ".2"}) EXPECT_LE(fs::file_size(path.string() + suffix), 20100U) << suffix;
  EXPECT_EQ(log_lines(world().log(spec.id)).back().text, "2000\n");
}

TEST_F(Lifecycle, ReopensAMovedLog) {
  auto spec = world().shell("echo one; read x; echo two");
  spec.stdio.open_stdin = true;
  auto live = world().launch(spec);
  read_socket(live.streams.socket.get(), "one\n");
  fs::rename(world().log_path(spec.id), world().log_path(spec.id) + ".moved");
  driver().reopen_log(live.id, call());
  write_socket(live.streams.socket.get(), "\n");
  world().finish(std::move(live));
  const auto lines = log_lines(world().log(spec.id));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].text, "two\n");
}

TEST_F(Lifecycle, LosesNothingWhenAClientDoesNotRead) {
  auto spec = world().shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
  auto live = world().launch(spec);
  runtime::v1::Streams idle;
  driver().attach(live.id, idle, call());
  read_socket(live.streams.socket.get(), "line 100\n");
  idle.socket.reset();  // goes away without having read
  world().finish(std::move(live));
  const auto lines = log_lines(world().log(spec.id));
  ASSERT_EQ(lines.size(), 20000U);
  EXPECT_EQ(lines.back().text, "line 19999\n");
}

TEST_F(Lifecycle, DeliversTheRestToASlowClientAfterTheEnd) {
  auto spec = world().shell("i=0; while [ $i -lt 30000 ]; do echo 0123456789; i=$((i+1)); done");
  auto live = world().launch(spec);
  EXPECT_EQ(world().finish(std::move(live)).out.size(), 330000U);
}

TEST_F(Lifecycle, FeedsStdinWithBackpressure) {
  auto spec = world().shell("sleep 0.2; wc -c");
  spec.stdio.open_stdin = spec.stdio.stdin_once = true;
  auto live = world().launch(spec);
  write_socket(live.streams.socket.get(), std::string(1000000, 'x'));
  ::shutdown(live.streams.socket.get(), SHUT_WR);
  EXPECT_EQ(world().finish(std::move(live)).out, "1000000\n");
}

TEST_F(Lifecycle, KeepsStdinOpenForTheNextClient) {
  auto spec = world().shell("read a; read b; echo $a $b");
  spec.stdio.open_stdin = true;
  auto live = world().launch(spec);
  write_socket(live.streams.socket.get(), "first\n");
  ::shutdown(live.streams.socket.get(), SHUT_WR);
  runtime::v1::Streams second;
  driver().attach(live.id, second, call());
  write_socket(second.socket.get(), "second\n");
  EXPECT_EQ(world().finish(std::move(live)).out, "first second\n");
}

TEST_F(Lifecycle, HasATerminal) {
  auto spec = world().shell("tty; stty size; test -c /dev/console && echo console; read x; echo got $x; stty size");
  spec.process.terminal = true;
  spec.process.rows = 30;
  spec.process.columns = 100;
  spec.stdio.open_stdin = true;
  auto live = world().launch(spec);
  const std::string before = read_socket(live.streams.socket.get(), "console\r\n");
  EXPECT_EQ(before, "/dev/pts/0\r\n30 100\r\nconsole\r\n");
  driver().resize(live.id, "", 50, 120, call());
  write_socket(live.streams.socket.get(), "typed\n");
  const Ended ended = world().finish(std::move(live), true);
  EXPECT_NE(ended.out.find("got typed\r\n50 120\r\n"), std::string::npos) << ended.out;
}

TEST_F(Lifecycle, ExecsWithATerminal) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  auto exec = world().exec_spec({"sh", "-c", "tty; read x; echo got $x"});
  exec.process.terminal = exec.attach_stdin = true;
  runtime::v1::Running running;
  runtime::v1::Streams streams;
  driver().exec(live.id, exec, running, streams, call());
  driver().resize(live.id, exec.exec_id, 10, 20, call());
  const std::string before = read_socket(streams.socket.get(), "\n");
  EXPECT_EQ(before, "/dev/pts/0\r\n");
  write_socket(streams.socket.get(), "typed\n");
  const std::string out = read_socket(streams.socket.get());
  EXPECT_NE(out.find("got typed\r\n"), std::string::npos) << out;
  world().kill(std::move(live));
}

TEST_F(Lifecycle, ExecsAreConfinedLikeTheContainer) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  const std::string script =
      "grep -E 'CapEff|Seccomp:' /proc/self/status; readlink /proc/self/ns/pid; ls /proc/1/fd | wc -l";
  const std::string out = world().exec_command(live.id, {"sh", "-c", script}).out;
  EXPECT_NE(out.find("CapEff:\t00000000a80425fb"), std::string::npos) << out;
  EXPECT_NE(out.find("Seccomp:\t2"), std::string::npos) << out;
  const auto space = fs::read_symlink("/proc/" + std::to_string(live.running.pid) + "/ns/pid").string();
  EXPECT_NE(out.find(space), std::string::npos) << out;
  auto wrong = world().exec_spec({"pwd"});
  wrong.process.cwd = "/nowhere";
  try {
    world().exec(live.id, wrong);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "chdir to cwd (\"/nowhere\") set in config.json failed: no such file or directory");
  }
  world().kill(std::move(live));
}

TEST_F(Lifecycle, ManyExecsAtOnce) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(world().exec_command(live.id, {"sh", "-c", "exit " + std::to_string(i)}).code, i);
  }
  world().kill(std::move(live));
}

TEST_F(Lifecycle, ExecsEndWithTheContainer) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  auto exec = world().exec_spec({"sleep", "1000"});
  runtime::v1::Running running;
  runtime::v1::Streams streams;
  driver().exec(live.id, exec, running, streams, call());
  driver().signal(live.id, "", SIGKILL, call());
  EXPECT_TRUE(wait_readable(running.exit_fd.get()));
  EXPECT_TRUE(wait_readable(live.running.exit_fd.get()));
  runtime::v1::ExitStatus status;
  driver().exit_status(live.id, exec.exec_id, status, call());
  EXPECT_EQ(status.code, 137);
  driver().remove(live.id, call());
}

TEST_F(Lifecycle, TellsOfDeathForWantOfMemory) {
  auto spec = world().shell("x=a; while :; do x=$x$x; done");
  spec.resources.memory = 8 << 20;
  spec.resources.memory_swap = 8 << 20;
  const Ended ended = world().run(spec);
  EXPECT_EQ(ended.code, 137);
  EXPECT_TRUE(ended.oom_killed);
}

TEST_F(Lifecycle, LimitsProcesses) {
  auto spec = world().shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; echo all");
  spec.resources.pids_limit = 5;
  const Ended ended = world().run(spec);
  EXPECT_NE(ended.err.find("can't fork"), std::string::npos) << ended.err;
}

TEST_F(Lifecycle, UpdatesLimits) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  runtime::v1::Resources resources;
  resources.memory = 64 << 20;
  resources.memory_swap = 64 << 20;
  resources.pids_limit = 33;
  driver().update(live.id, resources, call());
  resources.memory = resources.memory_swap = 128 << 20;  // needs the other order
  driver().update(live.id, resources, call());
  runtime::v1::Stats stats;
  driver().stats(live.id, stats, call());
  EXPECT_EQ(stats.memory_limit, 128U << 20);
  EXPECT_EQ(stats.pids_limit, 33U);
  world().kill(std::move(live));
}

TEST_F(Lifecycle, EndsWithAShimThatIsKilled) {
  auto live = world().launch(world().shell("sleep 1000 & sleep 1000"));
  ASSERT_EQ(::kill(shim_of(live.id), SIGKILL), 0);
  EXPECT_TRUE(wait_readable(live.running.exit_fd.get()));
  runtime::v1::ExitStatus status;
  driver().exit_status(live.id, "", status, call());
  EXPECT_EQ(status.code, 137);
  EXPECT_FALSE(open_process(static_cast<pid_t>(live.running.pid), live.running.start_time));
  driver().remove(live.id, call());
}

TEST_F(Lifecycle, AdoptsAContainerWithoutAShim) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  ASSERT_EQ(::kill(shim_of(live.id), SIGKILL), 0);
  EXPECT_TRUE(wait_readable(live.running.exit_fd.get()));
  restart();
  runtime::v1::Running adopted;
  driver().adopt(live.id, adopted, call());
  EXPECT_TRUE(wait_readable(adopted.exit_fd.get(), 0));
  driver().remove(live.id, call());
}

TEST_F(Lifecycle, RemovesWhatAShimLeft) {
  auto live = world().launch(world().shell("sleep 1000 & sleep 1000"));
  ASSERT_EQ(::kill(shim_of(live.id), SIGKILL), 0);
  driver().remove(live.id, call());
  EXPECT_EQ(world().cgroups_left(), std::vector<std::string>{});
}

TEST_F(Lifecycle, IgnoresPoliteSignalsToTheShim) {
  auto live = world().launch(world().spec({"sleep", "1000"}));
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::kill(shim_of(live.id), signal);
  EXPECT_EQ(world().exec_command(live.id, {"echo", "here"}).out, "here\n");
  world().kill(std::move(live));
}

TEST_F(Lifecycle, LogsOnWithoutTheDaemon) {
  auto spec = world().shell("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done; exit 4");
  auto live = world().launch(spec);
  live.streams.socket.reset();
  restart();
  runtime::v1::Running adopted;
  driver().adopt(live.id, adopted, call());
  EXPECT_TRUE(wait_readable(adopted.exit_fd.get()));
  runtime::v1::ExitStatus status;
  driver().exit_status(live.id, "", status, call());
  EXPECT_EQ(status.code, 4);
  const auto lines = log_lines(world().log(spec.id));
  ASSERT_EQ(lines.size(), 3000U);
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].text, std::to_string(i) + "\n");
  driver().remove(live.id, call());
}

}  // namespace gantry::native
