// A container's life: create, start, stop, kill, restart, pause, rename, wait, logs, exec, top, stats, events, rm.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Lifecycle : public BothClients {};
INSTANTIATE_TEST_SUITE_P(By, Lifecycle, ::testing::Values("gantry", "docker"), client_name);

constexpr const char* kLoop = "busybox sh -c 'trap exit TERM; echo up; while :; do sleep 0.1; done'";

TEST_P(Lifecycle, GoesThroughItsStates) {
  EXPECT_EQ(run(std::string{"create --name life "} + kLoop).code, 0);
  EXPECT_EQ(daemon->inspect("life", "/State/Status"), "created");
  EXPECT_EQ(run("start life").line(), "life");
  // Before its trap it takes no signal.
  const auto is_up = [&](std::size_t times) { return [times] { return run("logs life").lines().size() == times; }; };
  until(is_up(1));
  EXPECT_EQ(daemon->inspect("life", "/State/Status"), "running");
  EXPECT_EQ(run("pause life").line(), "life");
  EXPECT_EQ(daemon->inspect("life", "/State/Status"), "paused");
  EXPECT_EQ(run("unpause life").line(), "life");
  EXPECT_EQ(run("restart life").line(), "life");
  until(is_up(2));
  EXPECT_EQ(daemon->inspect("life", "/State/Running"), true);
  EXPECT_EQ(run("rename life after").code, 0);
  EXPECT_EQ(run("stop after").line(), "after");
  EXPECT_EQ(daemon->inspect("after", "/State/Status"), "exited");
  EXPECT_EQ(run("wait after").line(), "0");
  EXPECT_EQ(run("rm after").line(), "after");
  const Result gone = run("start after");
  EXPECT_EQ(gone.code, 1);
  EXPECT_THAT(gone.err, HasSubstr("No such container: after"));
}

TEST_P(Lifecycle, RefusesANameInUse) {
  const Result first = run("create --name taken busybox");
  const Result second = run("create --name taken busybox");
  EXPECT_EQ(second.code, 1);
  EXPECT_THAT(second.err,
              HasSubstr("Conflict. The container name \"/taken\" is already in use by container \"" + first.line() +
                        "\". You have to remove (or rename) that container to be able to reuse that name."));
}

TEST_P(Lifecycle, StopsWithTheSignalAndKillsAfterTheTimeout) {
  run("run -d --name stubborn busybox sh -c 'trap : TERM; while :; do sleep 0.1; done'");
  EXPECT_EQ(run("stop -t 1 stubborn").code, 0);
  EXPECT_EQ(daemon->inspect("stubborn", "/State/ExitCode"), 137);
  run(std::string{"run -d --name other --stop-signal USR1 "} +
      "busybox sh -c 'trap \"exit 4\" USR1; echo ready; while :; do sleep 0.1; done'");
  EXPECT_TRUE(daemon->background("logs -f other")->wait_for("ready"));
  EXPECT_EQ(run("stop other").code, 0);
  EXPECT_EQ(daemon->inspect("other", "/State/ExitCode"), 4);
}

TEST_P(Lifecycle, ShowsLogs) {
  run("run --name talk busybox sh -c 'for i in 1 2 3 4 5; do echo line $i; done; echo problem >&2; printf end'");
  const Result all = run("logs talk");
  EXPECT_EQ(all.out, "line 1\nline 2\nline 3\nline 4\nline 5\nend");
  EXPECT_EQ(all.err, "problem\n");
  EXPECT_EQ(run("logs --tail 2 talk 2>&1").lines().size(), 2U);
  EXPECT_THAT(run("logs -t --tail 3 talk").out, ::testing::ContainsRegex("20[0-9][0-9]-[0-9-]+T[0-9:.]+Z line 5"));
  EXPECT_EQ(run("logs --since 2100-01-01T00:00:00Z talk 2>&1").out, "");
  const auto following = background("run --rm busybox true && true");
  following->wait();
}

TEST_P(Lifecycle, FollowsLogsUntilTheEnd) {
  run("run -d --name chat busybox sh -c 'echo a; read x </dev/zero & i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "
      "n$i; sleep 0.02; done; echo last'");
  const Result all = run("logs -f chat");
  EXPECT_THAT(all.out, StartsWith("a\nn1\n"));
  EXPECT_THAT(all.out, HasSubstr("n20\nlast\n"));
}

TEST_P(Lifecycle, ExecutesMore) {
  run(std::string{"run -d --name host "} + kLoop);
  EXPECT_EQ(run("exec host echo hi").out, "hi\n");
  EXPECT_EQ(run("exec -e X=1 -w /tmp -u nobody host sh -c 'echo $X $(pwd) $(id -u)'").line(), "1 /tmp 65534");
  EXPECT_EQ(run("exec -i host cat", "through").out, "through");
  EXPECT_EQ(run("exec host sh -c 'exit 12'").code, 12);
  const Result missing = run("exec host nothing-there");
  EXPECT_EQ(missing.code, 127);
  EXPECT_THAT(missing.out + missing.err, HasSubstr("exec: \"nothing-there\": executable file not found in $PATH"));
  const auto shell = background("exec -it host sh", true);
  ASSERT_TRUE(shell->wait_for("# ")) << shell->output();
  shell->type("stty size; exit 6\n");
  EXPECT_TRUE(shell->wait_for("24 80")) << shell->output();
  EXPECT_EQ(shell->wait(), 6);
  EXPECT_EQ(run("exec -d host touch /tmp/made").code, 0);
  EXPECT_EQ(run("exec host sh -c 'until [ -e /tmp/made ]; do :; done'").code, 0);
  run("stop host");
  const Result stopped = run("exec host true");
  EXPECT_EQ(stopped.code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("is not running"));
}

TEST_P(Lifecycle, ListsAndInspects) {
  const std::string id = run(std::string{"run -d --name listed -l k=v -p 8099:80 "} + kLoop).line();
  EXPECT_EQ(id.size(), 64U);
  const std::vector<std::string> table = run("ps").lines();
  ASSERT_EQ(table.size(), 2U);
  EXPECT_THAT(table[0], StartsWith("CONTAINER ID   IMAGE     COMMAND"));
  EXPECT_THAT(table[1], StartsWith(id.substr(0, 12) + "   busybox"));
  EXPECT_THAT(table[1], HasSubstr("0.0.0.0:8099->80/tcp"));
  EXPECT_EQ(run("ps -q --no-trunc --filter label=k=v").line(), id);
  EXPECT_EQ(run("ps -q --filter label=k=w").out, "");
  EXPECT_EQ(run("inspect -f '{{.State.Running}} {{.Name}} {{.Config.Labels.k}}' listed").line(), "true /listed v");
  const nlohmann::json all = nlohmann::json::parse(run("inspect listed").out);
  EXPECT_EQ(all[0]["Id"], id);
  EXPECT_EQ(all[0]["HostConfig"]["NetworkMode"], "bridge");
  EXPECT_EQ(run("port listed").line(), "80/tcp -> 0.0.0.0:8099");
}

TEST_P(Lifecycle, ShowsTheIdOfAnImageThatLostItsName) {
  const auto shown = [] { return run("ps -a --format {{.Image}}").line(); };
  run("tag busybox moving:1");
  const std::string id = run("create --name stands moving:1 true").line();
  const std::string image = run("inspect -f {{.Image}} stands").line();
  EXPECT_EQ(shown(), "moving:1");
  EXPECT_EQ(run("ps -aq --no-trunc --filter ancestor=moving:1").line(), id);
  // The name means another image now.
  run("commit stands moving:1");
  EXPECT_EQ(shown(), image.substr(7, 12));
  EXPECT_EQ(daemon->api("GET", "/containers/json?all=1")[0]["Image"], image);
  EXPECT_EQ(run("ps -aq --filter ancestor=moving:1").out, "");
  EXPECT_EQ(run("ps -aq --no-trunc --filter ancestor=busybox").line(), id);
  // And now none.
  EXPECT_EQ(run("rmi moving:1").code, 0);
  EXPECT_EQ(shown(), image.substr(7, 12));
  EXPECT_EQ(run("ps -aq --filter ancestor=moving:1").out, "");
  EXPECT_EQ(run("inspect -f {{.Config.Image}} stands").line(), "moving:1");
}

// Such a list does not fit into one piece of an answer.
TEST_P(Lifecycle, ListsMany) {
  const nlohmann::json body{{"Image", "busybox"}, {"Labels", {{"long", std::string(4096, 'x')}}}};
  for (int i = 0; i < 100; ++i) daemon->api("POST", "/containers/create?name=many-" + std::to_string(i), body.dump());
  const std::string names = run("ps -a --format {{.Names}}").out;
  EXPECT_EQ(std::count(names.begin(), names.end(), '\n'), 100);
  EXPECT_THAT(names, ::testing::StartsWith("many-99\nmany-98\n"));
  EXPECT_EQ(daemon->api("GET", "/containers/json?all=1&size=1").size(), 100U);
}

TEST_P(Lifecycle, ShowsProcessesAndFigures) {
  run(std::string{"run -d --name busy "} + kLoop);
  const Result top = run("top busy");
  EXPECT_THAT(top.line(), HasSubstr("PID"));
  EXPECT_THAT(top.out, HasSubstr("trap exit TERM"));
  const Result stats = run("stats --no-stream busy");
  EXPECT_THAT(stats.line(), HasSubstr("MEM USAGE / LIMIT"));
  EXPECT_THAT(stats.out, HasSubstr("busy"));
}

TEST_P(Lifecycle, TellsEvents) {
  const auto watching = background("events --filter container=watched --format '{{.Action}}'");
  // The stream's first bytes come with the first event: create until one is seen.
  run("run --rm --name watched busybox true");
  std::string seen;
  if (!watching->wait_for("destroy", std::chrono::seconds{3})) run("run --rm --name watched busybox true");
  EXPECT_TRUE(watching->output().find("destroy") != std::string::npos || watching->wait_for("destroy"))
      << watching->output();
  // The clients cut "0s" to the whole second, which would leave the newest out.
  const Result past =
      run("events --since 1m --until $(($(date +%s) + 1)) --filter container=watched --filter type=container "
          "--format '{{.Action}}'");
  const std::vector<std::string> actions = past.lines();
  ASSERT_GE(actions.size(), 5U) << past.err;
  EXPECT_EQ(actions.front(), "create");
  EXPECT_THAT(actions, ::testing::IsSupersetOf({"attach", "start", "die", "destroy"}));
}

TEST_P(Lifecycle, RemovesByForceOnly) {
  run(std::string{"run -d --name running "} + kLoop);
  const Result refused = run("rm running");
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("cannot remove container \"/running\": container is running: stop the container "
                                     "before removing or force remove"));
  EXPECT_EQ(run("rm -f running").line(), "running");
}

TEST_P(Lifecycle, RestartsByPolicy) {
  run("run -d --name again --restart on-failure:2 busybox sh -c 'exit 3'");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (daemon->inspect("again", "/State/Status") != "exited" && std::chrono::steady_clock::now() < until)
    daemon->wait_for_exit("again");
  EXPECT_EQ(daemon->inspect("again", "/RestartCount"), 2);
  EXPECT_EQ(daemon->inspect("again", "/State/ExitCode"), 3);
}

TEST_P(Lifecycle, StartsAgainWithItsFiles) {
  run("run --name keeps busybox sh -c 'echo x >>/file; wc -l /file'");
  EXPECT_EQ(run("start -a keeps").line(), "2 /file");
  EXPECT_EQ(run("start -a keeps").line(), "3 /file");
  EXPECT_THAT(run("diff keeps").out, HasSubstr("A /file"));
}

}  // namespace
}  // namespace gantry::e2e
