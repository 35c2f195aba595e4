#include <gmock/gmock.h>

#include "containers/service_fixture.hpp"

/// What a daemon makes of the records that one before it has left.
namespace gantry::containers {
namespace {

using ::testing::ElementsAre;

TEST_F(ServiceTest, WhatRunsIsAdopted) {
  const std::string id = run();
  crash();
  EXPECT_EQ(state(id), State::running);
  EXPECT_TRUE(world_.sandboxes.contains(id));
  const auto waiter = service().wait(id, WaitCondition::next_exit);
  world_.end(id, 4);
  EXPECT_EQ(daemon_->run(waiter->result()).exit_code, 4);
}

TEST_F(ServiceTest, WhatEndedMeanwhileHasItsExitCode) {
  const std::string id = run();
  daemon_.reset();
  world_.end(id, 9);
  crash();
  daemon_->until([&] { return state(id) == State::exited; });
  EXPECT_EQ(service().find(id)->exit_code, 9);
  // The runtime forgets it once the code is on record.
  daemon_->until([&] {
    const std::lock_guard lock{world_.mutex};
    return world_.processes.empty();
  });
}

TEST_F(ServiceTest, AfterAReebootOfTheHostPoliciesApply) {
  auto what = request();
  what.body.host_config.restart_policy.name = "unless-stopped";
  const std::string id = run(what);
  daemon_.reset();
  world_.processes.clear();
  crash();
  daemon_->until([&] { return state(id) == State::running; });
}

TEST_F(ServiceTest, AfterARebootOthersWaitForThoseThatTheyNeed) {
  auto what = request("db");
  what.body.host_config.restart_policy.name = "always";
  run(what);
  what.name = "web";
  what.body.host_config.links = {"db"};
  run(what);
  what.name = "debug";
  what.body.host_config.links.clear();
  what.body.host_config.network_mode = what.body.host_config.pid_mode = "container:web";
  run(what);
  daemon_.reset();
  world_.processes.clear();
  {
    const std::lock_guard slow{world_.create_gate};
    crash();
    // Long enough for a restart by policy, which would not wait.
    asio::steady_timer backoff{daemon_->context(), std::chrono::milliseconds{150}};
    bool over = false;
    backoff.async_wait([&](boost::system::error_code) { over = true; });
    daemon_->until([&] { return over; });
  }
  daemon_->until([&] { return state("debug") == State::running || !service().find("debug")->error.empty(); });
  for (const char* name : {"db", "web", "debug"}) {
    EXPECT_EQ(state(name), State::running) << name << ": " << service().find(name)->error;
  }
}

TEST_F(ServiceTest, AHalfDoneDisconnectIsFinished) {
  auto what = request();
  what.body.endpoints["bridge"];
  const std::string id = run(what);
  ASSERT_TRUE(service().find(id)->endpoints.contains("bridge"));
  crash();
  ASSERT_TRUE(service().find(id)->endpoints.contains("bridge"));
  world_.off_networks = true;
  crash();
  EXPECT_EQ(state(id), State::running);
  EXPECT_TRUE(service().find(id)->endpoints.empty());
  EXPECT_TRUE(service().find(id)->last_endpoints.empty());
}

/// Each point at which a kill may come: the record as it was committed, the world as it was then.
TEST_F(ServiceTest, AHalfDoneStartIsUndone) {
  const std::string id = run();
  half_done(id, State::starting);
  crash();
  EXPECT_EQ(state(id), State::created);
  EXPECT_TRUE(world_.processes.empty());
  EXPECT_TRUE(world_.sandboxes.empty());
}

TEST_F(ServiceTest, APauseThatWasNotFinishedIsTakenBack) {
  const std::string id = run();
  const auto frozen = [&] {
    const std::lock_guard lock{world_.mutex};
    return world_.processes.at(id).paused;
  };
  daemon_->run(service().pause(id, true));  // of a commit, which never came to its end
  crash();
  EXPECT_EQ(state(id), State::running);
  EXPECT_FALSE(frozen());
  daemon_->run(service().pause(id));
  world_.processes.at(id).paused = false;  // as after half an unpause
  crash();
  EXPECT_EQ(state(id), State::paused);
  EXPECT_TRUE(frozen());
}

TEST_F(ServiceTest, AHalfDoneRemovalIsFinished) {
  const std::string id = create();
  half_done(id, State::removing);
  crash();
  EXPECT_FALSE(exists(id));
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, WhatNoRecordNamesIsSwept) {
  world_.tops.insert(random_id());
  world_.processes[random_id()];
  const std::string orphan = root_ + "/containers/" + random_id();
  std::filesystem::create_directories(orphan);
  crash();
  EXPECT_TRUE(world_.holds_nothing());
  EXPECT_FALSE(std::filesystem::exists(orphan));
}

TEST_F(ServiceTest, AlwaysComesBackWithTheDaemonAndAStoppedOneDoesNot) {
  auto always = request("always");
  always.body.host_config.restart_policy.name = "always";
  auto unless = request("unless");
  unless.body.host_config.restart_policy.name = "unless-stopped";
  const std::string first = run(always);
  const std::string second = run(unless);
  StopRequest stop;
  daemon_->run(service().stop(first, stop));
  daemon_->run(service().stop(second, stop));
  crash();
  daemon_->until([&] { return state(first) == State::running; });
  EXPECT_EQ(state(second), State::exited);
}

/// The volume's record and the container's are two commits: a kill in between must not leave the one without the other.
TEST_F(ServiceTest, AVolumeOfACreateThatWasCutOffGoes) {
  world_.volumes = {"anonymous0", "named"};
  world_.volume_owners = {{"anonymous0", "a container that never was"}};
  crash();
  EXPECT_THAT(world_.volumes, ElementsAre("named"));
}

TEST_F(ServiceTest, ARemovalThatWasCutOffEndsAsItWasAskedFor) {
  for (const bool with_volumes : {true, false}) {
    auto what = request();
    what.body.config.volumes = {"/data"};
    const std::string id = create(what);
    if (!with_volumes) world_.volume_owners.clear();  // as `rm` without -v puts on record before it begins
    half_done(id, State::removing);
    crash();
    EXPECT_FALSE(exists(id));
    EXPECT_EQ(world_.volumes.size(), with_volumes ? 0U : 1U);
  }
}

TEST_F(ServiceTest, AnonymousVolumesStayWithoutTheFlag) {
  auto what = request();
  what.body.config.volumes = {"/data"};
  const std::string id = create(what);
  RemoveRequest removal;
  daemon_->run(service().remove(id, removal));
  crash();
  EXPECT_EQ(world_.volumes.size(), 1U);
}

}  // namespace
}  // namespace gantry::containers
