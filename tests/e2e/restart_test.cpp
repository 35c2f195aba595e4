// Restart policies: back-off, counts, what cancels them, what a new daemon starts.

#include <sstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class RestartPolicies : public BothClients {
 protected:
  static void until_restarting(const std::string& container) {
    until([&] { return daemon->inspect(container, "/State/Restarting") == true; });
  }
};
INSTANTIATE_TEST_SUITE_P(By, RestartPolicies, ::testing::Values("gantry", "docker"), client_name);

TEST_P(RestartPolicies, AlwaysGoesOnUntilTheUserEndsIt) {
  ASSERT_EQ(run("run -d --name loop --restart always busybox sh -c 'exit 3'").code, 0);
  // By then it rests for more than a second before the next start.
  until([] { return daemon->inspect("loop", "/RestartCount").get<int>() >= 5; });
  until_restarting("loop");
  EXPECT_EQ(daemon->inspect("loop", "/State/ExitCode"), 3);
  EXPECT_EQ(daemon->inspect("loop", "/State/Running"), true);
  EXPECT_THAT(run("ps --filter name=loop --format '{{.Status}}'").out, HasSubstr("Restarting (3) "));
  EXPECT_EQ(run("ps -q --filter status=restarting").lines().size(), 1U);
  EXPECT_THAT(run("exec loop true").err, HasSubstr("is restarting, wait until the container is running"));
  EXPECT_THAT(run("pause loop").err, HasSubstr("is restarting, wait until the container is running"));
  EXPECT_THAT(run("rm loop").err,
              HasSubstr("container is restarting: stop the container before removing or force remove"));
  EXPECT_EQ(run("stop loop").line(), "loop");
  EXPECT_EQ(daemon->inspect("loop", "/State/Status"), "exited");
  EXPECT_EQ(daemon->inspect("loop", "/State/ExitCode"), 3);
  EXPECT_GE(daemon->inspect("loop", "/RestartCount"), 3);

  EXPECT_EQ(run("start loop").code, 0);
  EXPECT_LT(daemon->inspect("loop", "/RestartCount"), 3) << "a start by the user counts from 0";
  until([] { return daemon->inspect("loop", "/RestartCount").get<int>() >= 3; });
  until_restarting("loop");
  EXPECT_EQ(run("kill loop").line(), "loop");
  EXPECT_EQ(daemon->inspect("loop", "/State/Status"), "exited");

  EXPECT_EQ(run("start loop").code, 0);
  until_restarting("loop");
  EXPECT_EQ(run("rm -f loop").line(), "loop");
}

TEST_P(RestartPolicies, BackoffDoubles) {
  run("run -d --name slower --restart on-failure:4 busybox false");
  EXPECT_EQ(run("wait slower").line(), "1");
  until([] { return daemon->inspect("slower", "/State/Status") == "exited"; });
  EXPECT_EQ(daemon->inspect("slower", "/RestartCount"), 4);
  const auto seen = background(
      "events --since 0 --filter container=slower --filter event=start --filter event=die "
      "--format '{{.TimeNano}} {{.Action}};'");
  for (int end = 0; end < 5; ++end) ASSERT_TRUE(seen->wait_for("die;")) << seen->output();
  std::vector<long long> times;
  std::istringstream lines(seen->output());
  for (std::string line; std::getline(lines, line);) times.push_back(std::stoll(line));
  ASSERT_EQ(times.size(), 10U) << seen->output();
  for (std::size_t restart = 1; restart < 5; ++restart) {
    const auto waited = times[2 * restart] - times[2 * restart - 1];
    EXPECT_GE(waited, 90'000'000LL << (restart - 1));
  }
}

TEST_P(RestartPolicies, UpdateTakesEffectAtTheNextEnd) {
  const std::string gate = "busybox sh -c 'until [ -e /end ]; do sleep 0.02; done; exit 9'";
  run("run -d --name live --restart always " + gate);
  EXPECT_EQ(run("update --restart no live").line(), "live");
  EXPECT_EQ(daemon->inspect("live", "/HostConfig/RestartPolicy/Name"), "no");
  run("exec live touch /end");
  EXPECT_EQ(run("wait live").line(), "9");
  EXPECT_EQ(daemon->inspect("live", "/State/Status"), "exited");
  EXPECT_EQ(run("update --restart on-failure:2 live").code, 0);
  run("start live");
  until([] { return daemon->inspect("live", "/State/Status") == "exited"; });
  EXPECT_EQ(daemon->inspect("live", "/RestartCount"), 2);
  EXPECT_THAT(run("update --restart foo live").err,
              HasSubstr("invalid restart policy: unknown policy 'foo'; use one of 'no', 'always', 'on-failure', or "
                        "'unless-stopped'"));
  run("run -d --rm --name brief busybox sleep 1000");
  EXPECT_THAT(run("update --restart always brief").err,
              HasSubstr("Restart policy cannot be updated because AutoRemove is enabled for the container"));
  run("kill brief");
}

TEST_P(RestartPolicies, AnySignalOfTheUserIsTheLastOfARun) {
  run("run -d --name signalled --restart always busybox sh -c 'trap \"exit 5\" HUP; echo up; while :; do sleep 0.05; "
      "done'");
  until([] {
    return run("logs signalled").line() == "up";
  });  // The first process takes no signal that it did not ask for.
  EXPECT_EQ(run("kill -s HUP signalled").code, 0);
  EXPECT_EQ(run("wait signalled").line(), "5");
  EXPECT_EQ(daemon->inspect("signalled", "/RestartCount"), 0);
}

TEST_P(RestartPolicies, ARestartThatFailsIsTheLast) {
  const std::string place = (daemon->root() / "place").string();
  std::filesystem::create_directories(place);
  run("run -d --name unlucky --restart always --mount type=bind,source=" + place + ",target=/x busybox sh -c 'exit 3'");
  std::filesystem::remove_all(place);
  until([] { return daemon->inspect("unlucky", "/State/Status") == "exited"; });
  EXPECT_EQ(daemon->inspect("unlucky", "/State/ExitCode"), 3);
  EXPECT_THAT(daemon->inspect("unlucky", "/State/Error").get<std::string>(), HasSubstr(place));
}

TEST_P(RestartPolicies, ThatMakeNoSenseAreRefused) {
  // docker's words, before 28, were others, and its own.
  EXPECT_THAT(cli("run --rm --restart always busybox true").err,
              HasSubstr("conflicting options: cannot specify both --restart and --rm"));
  EXPECT_EQ(run("run --rm --restart always busybox true").code, 125);
  EXPECT_THAT(run("create --restart always:3 busybox").err,
              HasSubstr("invalid restart policy: maximum retry count can only be used with 'on-failure'"));
  EXPECT_THAT(run("create --restart on-failure:-1 busybox").err,
              HasSubstr("invalid restart policy: maximum retry count cannot be negative"));
  EXPECT_THAT(run("create --restart on-failure:x busybox").err, HasSubstr("maximum retry count must be an integer"));
}

// What a daemon finds that was stopped, or killed: by dockerd's rules.
class RestartAtBoot : public Engine, public ::testing::WithParamInterface<int> {
 protected:
  static bool comes_back(const std::string& name) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (daemon->inspect(name, "/State/Status") != "running") {
      if (std::chrono::steady_clock::now() > limit) return false;
    }
    return true;
  }
  static inline const std::string sleeper = " busybox sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.05; done'";
};
INSTANTIATE_TEST_SUITE_P(After, RestartAtBoot, ::testing::Values(SIGTERM, SIGKILL));

TEST_P(RestartAtBoot, BringsBackWhatThePolicySays) {
  const std::vector<std::string> policies{"no", "always", "unless-stopped", "on-failure"};
  for (const std::string& policy : policies) {
    cli("run -d --name run-" + policy + " --restart " + policy + sleeper);
    cli("run -d --name hand-" + policy + " --restart " + policy + sleeper);
  }
  cli("create --name never --restart always" + sleeper);
  cli("run -d --name failed --restart on-failure:1 busybox sh -c 'exit 4'");
  cli("run -d --name killed --restart on-failure" + sleeper);
  for (const std::string& policy : policies) ASSERT_EQ(cli("stop hand-" + policy).code, 0);
  ASSERT_EQ(cli("kill killed").code, 0);
  while (daemon->inspect("failed", "/State/Status") != "exited") daemon->wait_for_exit("failed");
  daemon->kill(GetParam());
  ASSERT_TRUE(daemon->start()) << daemon->log();

  for (const char* name : {"run-always", "run-unless-stopped", "hand-always", "killed"}) {
    EXPECT_TRUE(comes_back(name)) << name;
    EXPECT_EQ(daemon->inspect(name, "/RestartCount"), 0) << name;
  }
  for (const char* name : {"hand-no", "hand-unless-stopped", "hand-on-failure", "failed"}) {
    EXPECT_EQ(daemon->inspect(name, "/State/Status"), "exited") << name;
  }
  EXPECT_EQ(daemon->inspect("never", "/State/Status"), "created");
  // A kill of the daemon ends no container; its orderly end stops them, and 0 is no failure.
  const char* others = GetParam() == SIGKILL ? "running" : "exited";
  EXPECT_EQ(daemon->inspect("run-no", "/State/Status"), others);
  EXPECT_EQ(daemon->inspect("run-on-failure", "/State/Status"), others);
}

TEST_P(RestartAtBoot, StartsThoseThatNeedOthersAfterThem) {
  cli("run -d --name db --restart always" + sleeper);
  cli("run -d --name web --restart always --link db:alias" + sleeper);
  cli("run -d --name beside --restart always --network container:web --pid container:web" + sleeper);
  daemon->kill(GetParam());
  ASSERT_TRUE(daemon->start()) << daemon->log();
  for (const char* name : {"beside", "web", "db"}) {
    EXPECT_TRUE(comes_back(name)) << name << ": " << daemon->inspect(name, "/State/Error");
  }
  EXPECT_EQ(cli("exec beside ping -c1 -w5 alias").code, 0);
}

}  // namespace
}  // namespace gantry::e2e
