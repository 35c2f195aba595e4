#include "containers/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.hpp"
#include "containers/concurrent.hpp"
#include "containers/service_fixture.hpp"

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;
TEST_F(ServiceTest, RunsAndKeepsTheExitCode) {
  const std::string id = run();
  EXPECT_EQ(state("web"), State::running);
  EXPECT_EQ(state(id.substr(0, 5)), State::running);
  EXPECT_FALSE(daemon_->run(service().start(id)));
  const auto waiter = service().wait(id, WaitCondition::not_running);
  world_.end(id, 3);
  EXPECT_EQ(daemon_->run(waiter->result()).exit_code, 3);
  EXPECT_EQ(state(id), State::exited);
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_TRUE(world_.processes.empty());
  RemoveRequest removal;
  daemon_->run(service().remove(id, removal));
  EXPECT_TRUE(world_.holds_nothing());
  EXPECT_THAT(daemon_->actions(), ElementsAre("create", "start", "die", "destroy"));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/containers/" + id));
}

TEST_F(ServiceTest, NamesAreUnique) {
  const std::string id = create();
  EXPECT_EQ(refusal([&] { create(); }),
            "Conflict. The container name \"/web\" is already in use by container \"" + id +
                "\". You have to remove (or rename) that container to be able to reuse that name.");
  EXPECT_THAT(refusal([&] { create(request("a b")); }), HasSubstr("Invalid container name (a b)"));
  EXPECT_EQ(refusal([&] { (void)service().find("nothing"); }), "No such container: nothing");
  daemon_->run(service().rename("web", "api"));
  EXPECT_EQ(service().find("/api")->id, id);
  EXPECT_NO_THROW(create());
}

TEST_F(ServiceTest, SharedNamespacesAreNamedById) {
  const std::string id = create(request("first"));
  auto what = request("second");
  auto& host = what.body.host_config;
  host.network_mode = host.pid_mode = host.ipc_mode = "container:first";
  const std::string other = create(what);
  const auto& kept = service().find(other)->host_config;
  EXPECT_EQ(kept.network_mode, "container:" + id);
  EXPECT_EQ(kept.pid_mode, "container:" + id);
  EXPECT_EQ(kept.ipc_mode, "container:" + id);
  auto nobody = request("third");
  nobody.body.host_config.pid_mode = "container:nobody";
  EXPECT_EQ(refusal([&] { create(nobody); }), "No such container: nobody");
}

TEST_F(ServiceTest, NamespacesOfAProcessThatHasTakenTheNumberAreNotJoined) {
  world_.start_time = 1;  // not this process's, which has all numbers here
  const std::string first = run(request("first"));
  EXPECT_FALSE(world_.sandboxes.contains(first));
  auto what = request("second");
  what.body.host_config.network_mode = "container:first";
  create(what);
  EXPECT_EQ(refusal([&] { daemon_->run(service().start("second")); }),
            "cannot join network of a non running container: " + first);
  what = request("third");
  what.body.host_config.pid_mode = "container:first";
  create(what);
  EXPECT_EQ(refusal([&] { daemon_->run(service().start("third")); }),
            "failed to join PID namespace: container " + first + " is not running");
}

TEST_F(ServiceTest, ALinkToWhatJoinsItsOwnNetworkIsRefused) {
  auto what = request("first");
  what.body.host_config.network_mode = "container:second";
  create(what);
  what = request("second");
  what.body.host_config.network_mode = "container:first";
  create(what);
  what = request("third");
  what.body.host_config.links = {"first"};
  EXPECT_THAT(refusal([&] { create(what); }), HasSubstr("joins its own network"));
}

TEST_F(ServiceTest, ARefusedCreateLeavesNothing) {
  EXPECT_EQ(refusal([&] {
              auto bad = request();
              bad.body.config.image = "nope";
              create(bad);
            }),
            "No such image: nope:latest");
  auto runtime = request();
  runtime.body.host_config.runtime = "foo";
  EXPECT_THAT(refusal([&] { create(runtime); }), HasSubstr("unknown or invalid runtime name: foo"));
  EXPECT_TRUE(world_.holds_nothing());
  EXPECT_TRUE(service().all().empty());
  EXPECT_THAT(daemon_->actions(), IsEmpty());
}

TEST_F(ServiceTest, WhoLinksToItHearsOfAnotherAddress) {
  run(request("db"));
  auto what = request("web");
  what.body.host_config.links = {"db:alias"};
  world_.address = "172.17.0.3";
  const std::string hosts = root_ + "/containers/" + run(what) + "/hosts";
  EXPECT_THAT(read_file(hosts), HasSubstr("\n172.17.0.2\talias "));
  world_.address = "172.17.0.4";
  StopRequest stop;
  daemon_->run(service().restart("db", stop));
  EXPECT_THAT(read_file(hosts), HasSubstr("\n172.17.0.4\talias "));
  EXPECT_THAT(read_file(hosts), HasSubstr("\n172.17.0.3\t")) << "its own address";
}

TEST_F(ServiceTest, HooksOfDevicesAreWarnedOf) {
  settings_.cdi_spec_dirs = {root_};
  boot();
  std::ofstream(root_ + "/gpu.json") << R"({"kind":"a.b/c","devices":[{"name":"plain"},
    {"name":"hooked","containerEdits":{"hooks":[{"hookName":"createContainer","path":"/x"}]}}]})";
  const auto warnings = [&](const std::string& device) {
    auto what = request(device);
    what.body.host_config.resources.device_requests = {{"cdi", 0, {"a.b/c=" + device}, {}, {}}};
    return daemon_->run(service().create(what)).warnings;
  };
  EXPECT_THAT(warnings("plain"), IsEmpty());
  EXPECT_THAT(warnings("missing"), IsEmpty()) << "the start says so";
  EXPECT_THAT(warnings("hooked"),
              ElementsAre("The CDI files of the container's devices ask for hooks, which are not run"));
}

TEST_F(ServiceTest, AFailedStartIsUndone) {
  world_.start_failure = Error{Errc::not_found, "exec: \"x\": executable file not found in $PATH"};
  auto what = request();
  what.body.host_config.binds = {"data:/data"};
  const std::string id = create(what);
  EXPECT_THAT(refusal([&] { daemon_->run(service().start(id)); }),
              HasSubstr("executable file not found in $PATH: unknown"));
  const auto container = service().find(id);
  EXPECT_EQ(container->state, State::created);
  EXPECT_EQ(container->exit_code, 127);
  EXPECT_TRUE(world_.processes.empty());
  EXPECT_TRUE(world_.sandboxes.empty());
  EXPECT_TRUE(world_.acquired.empty());
  world_.start_failure.reset();
  EXPECT_TRUE(daemon_->run(service().start(id)));
}

TEST_F(ServiceTest, AFailedNetworkIsUndone) {
  world_.network_failure = Error{Errc::conflict, "port is already allocated"};
  const std::string id = create();
  EXPECT_EQ(refusal([&] { daemon_->run(service().start(id)); }), "port is already allocated");
  EXPECT_TRUE(world_.processes.empty());
}

TEST_F(ServiceTest, AFailedStartKeepsTheLastRunsExitCode) {
  const std::string id = create();
  world_.network_failure = Error{Errc::conflict, "port is already allocated"};
  EXPECT_THROW(daemon_->run(service().start(id)), Error);
  EXPECT_EQ(service().find(id)->exit_code, 128) << "there was none";
  world_.network_failure.reset();
  daemon_->run(service().start(id));
  const auto waiter = service().wait(id, WaitCondition::next_exit);
  world_.end(id, 137);
  daemon_->run(waiter->result());
  world_.network_failure = Error{Errc::conflict, "port is already allocated"};
  EXPECT_THROW(daemon_->run(service().start(id)), Error);
  EXPECT_EQ(service().find(id)->exit_code, 137);
  world_.network_failure.reset();
  world_.start_failure = Error{Errc::not_found, "exec: \"x\": executable file not found in $PATH"};
  EXPECT_THROW(daemon_->run(service().start(id)), Error);
  EXPECT_EQ(service().find(id)->exit_code, 127) << "this failure has one of its own";
}

TEST_F(ServiceTest, AutoRemoveTakesAnonymousVolumesAlong) {
  auto what = request();
  what.body.host_config.auto_remove = true;
  what.body.config.volumes = {"/data"};
  what.body.host_config.binds = {"named:/named"};
  const std::string id = create(what);
  const auto waiter = service().wait(id, WaitCondition::removed);
  daemon_->run(service().start(id));
  world_.end(id, 7);
  EXPECT_EQ(daemon_->run(waiter->result()).exit_code, 7);
  EXPECT_FALSE(exists(id));
  EXPECT_TRUE(world_.holds_nothing());
  EXPECT_THAT(world_.volumes, ElementsAre("named"));
}

TEST_F(ServiceTest, AttachBeforeStartIsConnectedBetweenCreateAndStart) {
  const std::string id = create();
  const auto attachment = daemon_->run(service().attach(id));
  daemon_->run(service().start(id));
  EXPECT_THAT(world_.calls, ElementsAre("create", "attach", "start"));
  EXPECT_TRUE(daemon_->run(attachment->socket()));
}

TEST_F(ServiceTest, AttachOfWhatNeverRunsEnds) {
  world_.network_failure = Error{Errc::io, "broken"};
  const std::string id = create();
  const auto attachment = daemon_->run(service().attach(id));
  EXPECT_THROW(daemon_->run(service().start(id)), Error);
  EXPECT_FALSE(daemon_->run(attachment->socket()));
}

TEST_F(ServiceTest, StopKillsWhatDoesNotEnd) {
  world_.ignores_term = true;
  const std::string id = run();
  StopRequest stop;
  stop.timeout = 0;
  EXPECT_TRUE(daemon_->run(service().stop(id, stop)));
  EXPECT_EQ(service().find(id)->exit_code, 137);
  EXPECT_FALSE(daemon_->run(service().stop(id, stop)));
}

TEST_F(ServiceTest, WhatEndsWhileItIsToldToIsStoppedAndRemoved) {
  const std::string id = run();
  world_.signal_failure.emplace(Errc::conflict, "container is not running");
  StopRequest stop;
  EXPECT_TRUE(daemon_->run(service().stop(id, stop)));
  EXPECT_EQ(state(id), State::exited);
  daemon_->run(service().start(id));
  RemoveRequest removal;
  removal.force = true;
  daemon_->run(service().remove(id, removal));
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, ARemovalThatFailsLeavesThePolicyOn) {
  auto what = request();
  what.body.host_config.restart_policy.name = "always";
  const std::string id = run(what);
  world_.signal_failure.emplace(Errc::io, "no");
  RemoveRequest removal;
  removal.force = true;
  EXPECT_EQ(refusal([&] { daemon_->run(service().remove(id, removal)); }), "no");
  world_.end(id, 1);
  daemon_->until([&] { return service().find(id)->restart_count == 1 && state(id) == State::running; });
}

TEST_F(ServiceTest, AStopByAWrongSignalLeavesThePolicyOn) {
  auto what = request();
  what.body.host_config.restart_policy.name = "always";
  const std::string id = run(what);
  StopRequest stop;
  stop.signal = "BOGUS";
  EXPECT_THAT(refusal([&] { daemon_->run(service().stop(id, stop)); }), HasSubstr("invalid signal: BOGUS"));
  world_.end(id, 1);
  daemon_->until([&] { return service().find(id)->restart_count == 1 && state(id) == State::running; });
}

TEST_F(ServiceTest, AnImagesSignalThatThereIsNotIsTakenForTerm) {
  world_.image.stop_signal = "SIGFOO";
  const std::string id = run();
  StopRequest stop;
  EXPECT_TRUE(daemon_->run(service().stop(id, stop)));
  EXPECT_EQ(service().find(id)->exit_code, 143);
  daemon_->run(service().start(id));
  daemon_->run(service().kill(id, "TERM"));
  daemon_->until([&] { return state(id) == State::exited; });
}

TEST_F(ServiceTest, ARestartKeepsWhatIsToBeRemovedAtItsEnd) {
  world_.ignores_term = true;
  auto what = request();
  what.body.host_config.auto_remove = true;
  const std::string id = run(what);
  bool restarted = false;
  asio::co_spawn(daemon_->context(), service().restart(id, {}), [&](std::exception_ptr failure) {
    EXPECT_FALSE(failure);
    restarted = true;
  });
  daemon_->until([&] { return service().find(id)->stopped_by_user; });
  EXPECT_TRUE(service().find(id)->host_config.auto_remove) << "a kill of the daemon would leave it for ever";
  world_.end(id, 0);
  daemon_->until([&] { return restarted; });
  EXPECT_EQ(state(id), State::running);
  world_.end(id, 0);
  daemon_->until([&] { return !exists(id); });
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, ForcedRemovalOfARunningContainer) {
  const std::string id = run();
  RemoveRequest removal;
  EXPECT_THAT(refusal([&] { daemon_->run(service().remove("web", removal)); }),
              HasSubstr("cannot remove container \"/web\": container is running: stop the container before removing or "
                        "force remove"));
  removal.force = true;
  daemon_->run(service().remove(id, removal));
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, PauseAndItsRefusals) {
  const std::string id = run();
  daemon_->run(service().pause(id));
  EXPECT_EQ(state(id), State::paused);
  EXPECT_THAT(refusal([&] { daemon_->run(service().start(id)); }), HasSubstr("cannot start a paused container"));
  EXPECT_THAT(refusal([&] { daemon_->run(service().pause(id)); }), HasSubstr("is already paused"));
  ExecRequest exec;
  exec.cmd = {"true"};
  EXPECT_THAT(refusal([&] { daemon_->run(service().create_exec(id, exec)); }), HasSubstr("is paused"));
  daemon_->run(service().unpause(id));
  EXPECT_EQ(state(id), State::running);
}

TEST_F(ServiceTest, ExecKeepsItsExitCode) {
  const std::string id = run();
  ExecRequest request_;
  request_.cmd = {"sh", "-c", "true"};
  const std::string exec = daemon_->run(service().create_exec(id, request_));
  ExecStart start;
  EXPECT_TRUE(daemon_->run(service().start_exec(exec, start)));
  world_.end(exec, 5);
  daemon_->run(service().exec_ended(exec));
  EXPECT_EQ(service().find_exec(exec)->exit_code, 5);
  EXPECT_THROW(daemon_->run(service().start_exec(exec, start)), Error);
  EXPECT_EQ(service().find_exec(exec)->request.env, std::vector<std::string>{});
  // One that ended long ago is forgotten, while its container runs on.
  for (int later = 0; later < 1024; ++later) {
    const std::string other = daemon_->run(service().create_exec(id, request_));
    static_cast<void>(daemon_->run(service().start_exec(other, start)));
    world_.end(other, 0);
    daemon_->run(service().exec_ended(other));
  }
  EXPECT_EQ(refusal([&] { static_cast<void>(service().find_exec(exec)); }), "No such exec instance: " + exec);
}

TEST_F(ServiceTest, RestartPolicyBringsItBackUntilStopped) {
  auto what = request();
  what.body.host_config.restart_policy.name = "always";
  const std::string id = run(what);
  world_.end(id, 1);
  daemon_->until([&] { return service().find(id)->restart_count == 1 && state(id) == State::running; });
  StopRequest stop;
  daemon_->run(service().stop(id, stop));
  EXPECT_EQ(state(id), State::exited);
}

TEST_F(ServiceTest, AKillWhileItWaitsForItsRestartEndsTheWait) {
  auto what = request();
  what.body.host_config.restart_policy.name = "always";
  const std::string id = run(what);
  world_.end(id, 7);
  daemon_->until([&] { return state(id) == State::restarting; });
  EXPECT_EQ(service().find(id)->restart_count, 1);
  EXPECT_FALSE(daemon_->run(service().start(id))) << "what waits for its restart counts as running";
  const auto waiter = service().wait(id, WaitCondition::not_running);
  daemon_->run(service().kill(id, ""));
  EXPECT_EQ(daemon_->run(waiter->result()).exit_code, 7);
  EXPECT_EQ(state(id), State::exited);
}

TEST_F(ServiceTest, ARestartThatFailsIsTheLast) {
  auto what = request();
  what.body.host_config.restart_policy.name = "always";
  const std::string id = run(what);
  world_.start_failure.emplace(Errc::invalid, "no");
  world_.end(id, 7);
  daemon_->until([&] { return state(id) == State::exited; });
  EXPECT_EQ(service().find(id)->exit_code, 7);
  EXPECT_EQ(service().find(id)->error, "no");
}

TEST_F(ServiceTest, OnFailureGivesUpAndLeavesSuccessAlone) {
  auto what = request();
  what.body.host_config.restart_policy = {"on-failure", 1};
  const std::string id = run(what);
  world_.end(id, 1);
  daemon_->until([&] { return service().find(id)->restart_count == 1 && state(id) == State::running; });
  world_.end(id, 1);
  daemon_->until([&] { return state(id) == State::exited; });
  daemon_->run(service().start(id));
  world_.end(id, 0);
  daemon_->until([&] { return state(id) == State::exited; });
}

TEST_F(ServiceTest, StartStopAndRemoveAtOnceOnOneContainer) {
  const std::string id = create();
  std::vector<awaitable<void>> tasks;
  const auto quietly = [](Service& self, std::string name, int what) -> awaitable<void> {
    try {
      StopRequest stop;
      stop.timeout = 0;
      RemoveRequest removal;
      removal.force = true;
      if (what == 0) co_await self.start(name);
      if (what == 1) co_await self.stop(name, stop);
      if (what == 2) co_await self.remove(name, removal);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Errc::not_found || error.code() == Errc::conflict) << error.what();
    }
  };
  for (int round = 0; round < 4; ++round) {
    for (const int what : {0, 1, 0, 2}) tasks.push_back(quietly(service(), id, what));
  }
  daemon_->run(all_of(std::move(tasks)));
  daemon_->until([&] { return !exists(id); });
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, ShutDownStopsUnlessContainersRunOn) {
  const std::string id = run();
  daemon_->run(service().shut_down());
  EXPECT_EQ(state(id), State::exited);
  settings_.live_restore = true;
  boot();
  daemon_->run(service().start(id));
  daemon_->run(service().shut_down());
  EXPECT_EQ(state(id), State::running);
}

TEST_F(ServiceTest, ListFilters) {
  const std::string first = run(request("first"));
  auto labelled = request("second");
  labelled.body.config.labels = {{"a", "b"}};
  const std::string second = create(labelled);
  const auto names = [&](Filter filter) {
    std::vector<std::string> out;
    for (const auto& container : service().list(filter)) out.push_back(container->name);
    return out;
  };
  EXPECT_THAT(names({}), ElementsAre("first"));
  EXPECT_THAT(names({true, 0, {}}), ElementsAre("second", "first"));
  EXPECT_THAT(names({false, 1, {}}), ElementsAre("second"));
  EXPECT_THAT(names({true, 0, {{"label", {"a=b"}}}}), ElementsAre("second"));
  EXPECT_THAT(names({true, 0, {{"status", {"running"}}}}), ElementsAre("first"));
  EXPECT_THAT(names({true, 0, {{"before", {"second"}}}}), ElementsAre("first"));
  EXPECT_THAT(names({true, 0, {{"name", {"^/sec"}}}}), ElementsAre("second"));
  EXPECT_EQ(refusal([&] { (void)service().list({true, 0, {{"foo", {"x"}}}}); }), "invalid filter 'foo'");
}

TEST_F(ServiceTest, PruneTakesWhatDoesNotRun) {
  run(request("runs"));
  create(request("rests"));
  Filter filter;
  const auto pruned = daemon_->run(service().prune(filter));
  EXPECT_EQ(pruned.ids.size(), 1U);
  EXPECT_EQ(pruned.space, 5U);
  EXPECT_EQ(service().all().size(), 1U);
}

}  // namespace
}  // namespace gantry::containers
