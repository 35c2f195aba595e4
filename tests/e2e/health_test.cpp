// A container's health: HEALTHCHECK and --health-*, states, events, time-outs, pauses, stops, the daemon's death.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class HealthChecks : public BothClients {
 protected:
  static std::unique_ptr<Background> events(const std::string& container) {
    return background("events --since 0 --filter container=" + container + " --format '{{.Action}}'");
  }
  static std::string status(const std::string& container) {
    return run("ps -a --filter name=^/" + container + "$ --format '{{.Status}}'").line();
  }
};
INSTANTIATE_TEST_SUITE_P(By, HealthChecks, ::testing::Values("gantry", "docker"), client_name);

constexpr const char* kSleeper = " busybox sh -c 'trap exit TERM; while :; do sleep 0.1; done'";

TEST_P(HealthChecks, TellHowAContainerIs) {
  ASSERT_EQ(run(std::string{"run -d --name web --health-cmd 'echo fine; [ ! -e /tmp/ill ]' --health-interval 100ms "
                            "--health-retries 2"} +
                kSleeper)
                .code,
            0);
  const auto seen = events("web");
  EXPECT_TRUE(seen->wait_for("exec_create: /bin/sh -c echo fine; [ ! -e /tmp/ill ]")) << seen->output();
  EXPECT_TRUE(seen->wait_for("exec_start: /bin/sh -c echo fine; [ ! -e /tmp/ill ]")) << seen->output();
  EXPECT_TRUE(seen->wait_for("exec_die")) << seen->output();
  EXPECT_TRUE(seen->wait_for("health_status: healthy")) << seen->output();
  EXPECT_THAT(status("web"), HasSubstr("(healthy)"));
  EXPECT_EQ(daemon->inspect("web", "/State/Health/Log/0/Output"), "fine\n");
  EXPECT_EQ(run("ps -q --filter health=healthy").lines().size(), 1U);
  EXPECT_EQ(run("ps -q --filter health=unhealthy").out, "");
  run("exec web touch /tmp/ill");
  EXPECT_TRUE(seen->wait_for("health_status: unhealthy")) << seen->output();
  EXPECT_THAT(status("web"), HasSubstr("(unhealthy)"));
  EXPECT_EQ(daemon->inspect("web", "/State/Health/Status"), "unhealthy");
  EXPECT_GE(daemon->inspect("web", "/State/Health/FailingStreak").get<int>(), 2);
  EXPECT_LE(daemon->inspect("web", "/State/Health/Log").size(), 5U);
  run("exec web rm /tmp/ill");
  EXPECT_TRUE(seen->wait_for("health_status: healthy")) << seen->output();
  EXPECT_EQ(run("stop web").code, 0);
  EXPECT_THAT(status("web"), ::testing::Not(HasSubstr("health")));
}

TEST_P(HealthChecks, StartAsStarting) {
  if (is_docker_before(25)) GTEST_SKIP() << "it has no --health-start-interval";
  run(std::string{"run -d --name slow --health-cmd false --health-interval 100ms --health-start-period 1h "
                  "--health-start-interval 50ms"} +
      kSleeper);
  const auto seen = events("slow");
  EXPECT_TRUE(seen->wait_for("exec_die")) << seen->output();
  EXPECT_TRUE(seen->wait_for("exec_die")) << seen->output();
  EXPECT_THAT(status("slow"), HasSubstr("(health: starting)"));
  EXPECT_EQ(daemon->inspect("slow", "/State/Health/FailingStreak"), 0);
  EXPECT_EQ(run("ps -q --filter health=starting").lines().size(), 1U);
}

TEST_P(HealthChecks, ThatHangAreKilledWithAllTheyStarted) {
  run(std::string{"run -d --name hang --health-cmd 'echo before; sleep 12345; true' --health-interval 50ms "
                  "--health-timeout 500ms --health-retries 1"} +
      kSleeper);
  const auto seen = events("hang");
  EXPECT_TRUE(seen->wait_for("health_status: unhealthy")) << seen->output();
  EXPECT_EQ(daemon->inspect("hang", "/State/Health/Log/0/ExitCode"), -1);
  EXPECT_EQ(daemon->inspect("hang", "/State/Health/Log/0/Output"), "Health check exceeded timeout (500ms): before\n");
  EXPECT_EQ(run("pause hang").code, 0);
  EXPECT_THAT(status("hang"), HasSubstr("(Paused)"));
  EXPECT_EQ(run("unpause hang").code, 0);
  EXPECT_TRUE(seen->wait_for("exec_start")) << seen->output();
  // At most the probe of this moment is there.
  EXPECT_LE(run("top hang -eo pid,args | grep -c 'sleep 12345$'").line(), "1");
}

TEST_P(HealthChecks, ThatCannotRunSayWhy) {
  const std::string body =
      R"({"Image":"busybox","Cmd":["sleep","1000"],"Healthcheck":{"Test":["CMD","nosuch"],"Interval":50000000,"Retries":1}})";
  daemon->api("POST", "/containers/create?name=bad", body);
  EXPECT_EQ(run("start bad").code, 0);
  const auto seen = events("bad");
  EXPECT_TRUE(seen->wait_for("health_status: unhealthy")) << seen->output();
  EXPECT_EQ(
      daemon->inspect("bad", "/State/Health/Log/0/Output"),
      "OCI runtime exec failed: exec failed: unable to start container process: exec: \"nosuch\": executable file "
      "not found in $PATH: unknown");
  run("kill bad");
}

TEST_P(HealthChecks, AreRefusedIfTheyMakeNoSense) {
  const auto refusal = [](const std::string& check) {
    return daemon->api("POST", "/containers/create", R"({"Image":"busybox","Healthcheck":)" + check + "}").dump();
  };
  EXPECT_THAT(refusal(R"({"Interval":1})"), HasSubstr("Interval in Healthcheck cannot be less than 1ms"));
  EXPECT_THAT(refusal(R"({"Timeout":-1})"), HasSubstr("Timeout in Healthcheck cannot be less than 1ms"));
  EXPECT_THAT(refusal(R"({"StartPeriod":10})"), HasSubstr("StartPeriod in Healthcheck cannot be less than 1ms"));
  EXPECT_THAT(refusal(R"({"StartInterval":10})"), HasSubstr("StartInterval in Healthcheck cannot be less than 1ms"));
  EXPECT_THAT(refusal(R"({"Retries":-1})"), HasSubstr("Retries in Healthcheck cannot be negative"));
  EXPECT_EQ(daemon->status(), 400);
  const Result both = run("create --health-cmd x --no-healthcheck busybox");
  EXPECT_NE(both.code, 0);
  EXPECT_THAT(both.err, HasSubstr("--no-healthcheck conflicts with --health-* options"));
  const Result filter = run("ps --filter health=bogus");
  EXPECT_EQ(filter.code, 1);
  EXPECT_THAT(filter.err, HasSubstr("unrecognized filter value for health: bogus"));
}

TEST_P(HealthChecks, OfTheImageHoldUnlessSwitchedOff) {
  ASSERT_EQ(cli("build -q -t checked -", "FROM busybox\nHEALTHCHECK --interval=50ms CMD test -e /etc\n").code, 0);
  run(std::string{"run -d --name with checked"} + std::string{kSleeper}.substr(8));
  const auto seen = events("with");
  EXPECT_TRUE(seen->wait_for("health_status: healthy")) << seen->output();
  run(std::string{"run -d --no-healthcheck --name without checked"} + std::string{kSleeper}.substr(8));
  EXPECT_EQ(run("ps -q --filter health=none").lines().size(), 1U);
  EXPECT_THAT(status("without"), ::testing::Not(HasSubstr("health")));
  run("rm -f with without");
  EXPECT_EQ(run("rmi checked").code, 0);
  cli("builder prune -af");
}

TEST_P(HealthChecks, AreCommitted) {
  run("create --name base busybox");
  ASSERT_EQ(run("commit -c 'HEALTHCHECK --interval=50ms --retries=2 CMD test -e /etc' base checked").code, 0);
  EXPECT_EQ(run("image inspect -f '{{.Config.Healthcheck.Retries}} {{.Config.Healthcheck.Test}}' checked").line(),
            "2 [CMD-SHELL test -e /etc]");
  EXPECT_THAT(run("commit -c 'HEALTHCHECK FOO x' base").err,
              HasSubstr("Unknown type \"FOO\" in HEALTHCHECK (try CMD)"));
  EXPECT_EQ(run("rmi checked").code, 0);
}

class HealthAndTheDaemon : public Engine {
 protected:
  static std::unique_ptr<Background> events(const std::string& container) {
    return daemon->background("events --since 0 --filter container=" + container + " --format '{{.Action}}'");
  }
};

TEST_F(HealthAndTheDaemon, ProbesGoOnAfterItsDeath) {
  cli(std::string{"run -d --name lasting --health-cmd '[ ! -e /tmp/ill ]' --health-interval 100ms --health-retries 1"} +
      kSleeper);
  cli(std::string{
          "run -d --name hung --health-cmd '/bin/sleep 54321; true' --health-interval 10ms --health-timeout 1h"} +
      kSleeper);
  EXPECT_TRUE(events("lasting")->wait_for("health_status: healthy"));
  EXPECT_TRUE(events("hung")->wait_for("exec_start"));
  daemon->kill(SIGKILL);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(daemon->inspect("lasting", "/State/Health/Status"), "healthy");
  EXPECT_TRUE(events("hung")->wait_for("exec_start"));
  // The shell that a probe starts with has yet to start this. By its path: some shells have a sleep of their own.
  const auto probes = [] { return cli("top hung -eo pid,args | grep -c 'sleep 54321$'").line(); };
  for (const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20}; probes() == "0";) {
    ASSERT_LT(std::chrono::steady_clock::now(), limit);
  }
  EXPECT_EQ(probes(), "1");
  cli("exec lasting touch /tmp/ill");
  EXPECT_TRUE(events("lasting")->wait_for("health_status: unhealthy"));
}

TEST_F(HealthAndTheDaemon, ActsOnFailure) {
  const std::string check = " --health-cmd false --health-interval 50ms --health-retries 1";
  cli("run -d --name killed --health-on-failure kill" + check + kSleeper);
  EXPECT_TRUE(daemon->wait_for_exit("killed"));
  EXPECT_EQ(daemon->inspect("killed", "/State/ExitCode"), 137);
  cli("run -d --name stopped --health-on-failure stop" + check + kSleeper);
  EXPECT_TRUE(daemon->wait_for_exit("stopped"));
  EXPECT_EQ(daemon->inspect("stopped", "/State/ExitCode"), 0);
  cli("run -d --name restarted --health-on-failure restart" + check + kSleeper);
  const auto seen = events("restarted");
  EXPECT_TRUE(seen->wait_for("restart")) << seen->output();
  EXPECT_TRUE(seen->wait_for("restart")) << seen->output();
  cli("run -d --name left --health-on-failure none" + check + kSleeper);
  EXPECT_TRUE(events("left")->wait_for("health_status: unhealthy"));
  EXPECT_EQ(daemon->inspect("left", "/State/Running"), true);
  EXPECT_THAT(cli("run --health-on-failure reboot" + check + kSleeper).err,
              HasSubstr("invalid on-failure action \"reboot\" for health check: supported actions are "
                        "none,kill,restart,stop"));
  EXPECT_THAT(cli(std::string{"run --health-on-failure kill"} + kSleeper).err,
              HasSubstr("cannot set on-failure action to kill without a health check"));
}

}  // namespace
}  // namespace gantry::e2e
