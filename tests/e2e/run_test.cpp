// `run`: output, exit codes, terminal, environment, limits; by both clients.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class Run : public BothClients {};
INSTANTIATE_TEST_SUITE_P(By, Run, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Run, HandsOverNoIgnoredOrBlockedSignals) {
  const std::string figures = " grep -E '^Sig(Blk|Ign):' /proc/self/status";  // a shell ignores some itself
  const std::string none = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n";
  EXPECT_EQ(run("run --rm busybox" + figures).out, none);
  run("run -d --name signals busybox sleep 1000");
  EXPECT_EQ(run("exec signals" + figures).out, none);
  run("rm -f signals");
}

TEST_P(Run, TakesOfInputWhatTheProcessReads) {
  const std::string client = std::string{GetParam()} == "docker" ? "$GANTRY_TEST_DOCKER" : program("gantry").string();
  const Result some =
      shell("yes | " + client + " run -i --rm busybox sh -c 'head -c 4; exit 3'", daemon->environment());
  EXPECT_EQ(some.out, "y\ny\n");
  EXPECT_EQ(some.code, 3) << some.err;
  EXPECT_EQ(some.err, "");
}

TEST_P(Run, PrintsAndPassesExitCodesOn) {
  const Result hello = run("run --rm busybox echo hello world");
  EXPECT_EQ(hello.out, "hello world\n");
  EXPECT_EQ(hello.err, "");
  EXPECT_EQ(hello.code, 0);
  EXPECT_EQ(run("run --rm busybox sh -c 'exit 42'").code, 42);
}

TEST_P(Run, KeepsTheTwoOutputsApart) {
  const Result both = run("run --rm busybox sh -c 'echo out; echo err >&2'");
  EXPECT_EQ(both.out, "out\n");
  EXPECT_EQ(both.err, "err\n");
}

TEST_P(Run, SaysWhatIsWrongWithTheCommand) {
  const Result missing = run("run --rm busybox no-such-command");
  EXPECT_EQ(missing.code, 127);
  EXPECT_THAT(missing.err, HasSubstr("exec: \"no-such-command\": executable file not found in $PATH"));
  const Result folder = run("run --rm busybox /etc");
  EXPECT_EQ(folder.code, 126);
  EXPECT_THAT(folder.err, HasSubstr("exec: \"/etc\": is a directory"));
  const Result user = run("run --rm -u nosuchuser busybox true");
  EXPECT_EQ(user.code, 125);
  EXPECT_THAT(user.err, HasSubstr("unable to find user nosuchuser: no matching entries in passwd file"));
}

TEST_P(Run, UnknownImagesAndOptionsAre125) {
  const Result image = run("run --rm --pull never nosuchimage true");
  EXPECT_EQ(image.code, 125);
  EXPECT_THAT(image.err, HasSubstr("No such image: nosuchimage:latest"));
  EXPECT_EQ(run("run --no-such-flag busybox").code, 125);
}

TEST_P(Run, ReadsStandardInput) {
  EXPECT_EQ(run("run --rm -i busybox cat", "one\ntwo\n").out, "one\ntwo\n");
  const std::string megabyte(1 << 20, 'x');
  EXPECT_EQ(run("run --rm -i busybox wc -c", megabyte).line(), std::to_string(megabyte.size()));
  EXPECT_EQ(run("run --rm busybox sh -c 'head -c 3000000 /dev/zero | tr \"\\0\" y'").out.size(), 3'000'000U);
}

TEST_P(Run, GivesARealTerminal) {
  const auto shell = background("run --rm -it busybox sh", true);
  ASSERT_TRUE(shell->wait_for("# ")) << shell->output();
  shell->type("stty size; tty; echo $TERM\n");
  EXPECT_TRUE(shell->wait_for("24 80")) << shell->output();
  EXPECT_TRUE(shell->wait_for("/dev/pts/0")) << shell->output();
  EXPECT_TRUE(shell->wait_for("xterm")) << shell->output();
  shell->resize(50, 132);
  shell->signal(SIGWINCH);
  // The size travels beside the keys, so ask until it has arrived.
  shell->type("until stty size | grep '50 132'; do :; done\n");
  EXPECT_TRUE(shell->wait_for("50 132\r\n")) << shell->output();
  shell->type("sh -c 'trap \"echo got-it\" INT; echo ready; read x'\n");
  EXPECT_TRUE(shell->wait_for("ready\r\n")) << shell->output();
  shell->type("\x03");
  EXPECT_TRUE(shell->wait_for("got-it")) << shell->output();
  shell->type("\nexit 7\n");
  EXPECT_EQ(shell->wait(), 7) << shell->output();
}

TEST_P(Run, DetachesAndComesBack) {
  const auto first = background("run -it --name detached busybox sh", true);
  ASSERT_TRUE(first->wait_for("# ")) << first->output();
  first->type("x=kept\n");
  ASSERT_TRUE(first->wait_for("# ")) << first->output();
  first->type("\x10\x11");
  EXPECT_EQ(first->wait(), 0) << first->output();
  EXPECT_EQ(daemon->inspect("detached", "/State/Running"), true);
  const auto second = background("attach detached", true);
  ASSERT_TRUE(second->wait_for("# ")) << second->output();
  second->type("echo $x-value\n");
  EXPECT_TRUE(second->wait_for("kept-value")) << second->output();
  second->type("exit 3\n");
  EXPECT_EQ(second->wait(), 3) << second->output();
}

TEST_P(Run, SetsEnvironmentUserAndFolder) {
  EXPECT_EQ(run("run --rm -e A=1 -e B='x y' busybox sh -c 'echo $A-$B'").line(), "1-x y");
  EXPECT_EQ(run("run --rm -u www-data busybox id").line(),
            "uid=33(www-data) gid=33(www-data) groups=1(daemon),33(www-data),50(staff)");
  EXPECT_EQ(run("run --rm -u 1234:5678 busybox id").line(), "uid=1234 gid=5678 groups=5678");
  EXPECT_EQ(run("run --rm -w /new/folder busybox pwd").line(), "/new/folder");
  EXPECT_EQ(run("run --rm -h myhost busybox hostname").line(), "myhost");
  EXPECT_EQ(run("run --rm --entrypoint echo busybox -n a").out, "a");
}

TEST_P(Run, LimitsWhatItIsAskedTo) {
  const std::string limited = "run --rm --memory 64m --cpus 0.5 --pids-limit 50 ";
  const Result memory = run(
      limited +
      "busybox sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max'");
  EXPECT_EQ(memory.line(), "67108864") << memory.err;
  const Result pids =
      run(limited + "busybox sh -c 'cat /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids.max'");
  EXPECT_EQ(pids.line(), "50") << pids.err;
  const Result cpu = run(
      limited + "busybox sh -c 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cat /sys/fs/cgroup/cpu.max'");
  EXPECT_THAT(cpu.line(), ::testing::StartsWith("50000"));
  EXPECT_EQ(run("run --rm --memory 1m busybox true").code, 125);
}

TEST_P(Run, ReportsThatMemoryRanOut) {
  run("run --name hungry --memory 16m --memory-swap 16m busybox sh -c 'x=$(head -c 100m /dev/zero | tr \"\\0\" x); "
      "echo $x | wc -c'");
  EXPECT_EQ(daemon->inspect("hungry", "/State/OOMKilled"), true);
}

TEST_P(Run, IsIsolated) {
  EXPECT_EQ(run("run --rm busybox sh -c 'echo $$'").line(), "1");
  EXPECT_EQ(run("run --rm --read-only busybox touch /x").code, 1);
  EXPECT_EQ(run("run --rm --read-only --tmpfs /t busybox touch /t/x").code, 0);
  const Result caps = run("run --rm busybox grep CapEff /proc/self/status");
  EXPECT_THAT(caps.line(), HasSubstr("00000000a80425fb"));
  const Result none = run("run --rm --cap-drop ALL busybox grep CapEff /proc/self/status");
  EXPECT_THAT(none.line(), HasSubstr("0000000000000000"));
  EXPECT_THAT(run("run --rm busybox grep Seccomp: /proc/self/status").line(), HasSubstr("2"));
  EXPECT_NE(run("run --rm busybox mount -t tmpfs x /mnt").code, 0);
  EXPECT_EQ(run("run --rm busybox cat /proc/kcore").out, "");
  EXPECT_NE(run("run --rm busybox sh -c 'echo 1 >/proc/sys/kernel/panic'").code, 0);
  EXPECT_EQ(run("run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status").line(),
            "NoNewPrivs:\t1");
}

TEST_P(Run, BeginsInADirectoryThatOnlyRootMayEnter) {
  EXPECT_EQ(run("run --rm -u 1000 --cap-drop ALL --tmpfs /t:mode=700 -w /t busybox pwd").line(), "/t");
  run("run -d --name closed -w /shut busybox sleep 1000");
  ASSERT_EQ(run("exec closed chmod 700 /shut").code, 0);
  EXPECT_EQ(run("exec -u 1000 closed pwd").line(), "/shut");
  EXPECT_NE(run("exec -u 1000 closed ls").code, 0);
}

TEST_P(Run, HasAnInitIfAskedTo) {
  const Result processes = run("run --rm --init busybox ps -o pid,comm");
  EXPECT_THAT(processes.out, HasSubstr("ps"));
  EXPECT_EQ(run("run --rm --init busybox sh -c 'echo $$'").line() == "1", false);
  EXPECT_EQ(run("run --rm --init busybox sh -c 'exit 9'").code, 9);
}

TEST_P(Run, RemovesItselfAndItsVolumes) {
  const Result before = run("volume ls -q");
  EXPECT_EQ(run("run --rm -v /data busybox touch /data/x").code, 0);
  EXPECT_EQ(run("volume ls -q").out, before.out);
  EXPECT_EQ(run("ps -aq").out, "");
}

TEST_P(Run, ForwardsSignals) {
  const auto waiting = background(
      "run --rm --name signalled busybox sh -c 'trap \"echo term; exit 5\" TERM; echo ready; while :; do sleep 1; "
      "done'");
  ASSERT_TRUE(waiting->wait_for("ready")) << waiting->output();
  waiting->signal(SIGTERM);
  EXPECT_EQ(waiting->wait(), 5) << waiting->output();
}

}  // namespace
}  // namespace gantry::e2e
