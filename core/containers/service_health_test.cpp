#include <gmock/gmock.h>

#include "containers/service_fixture.hpp"

/// Probes of a service over fakes: an exec of the fake runtime runs until the test ends it.
namespace gantry::containers {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

class HealthTest : public ServiceTest {
 protected:
  static CreateRequest checked() {
    auto what = request();
    auto& check = what.body.config.healthcheck.emplace();
    check.test = {"CMD", "probe"};
    check.interval = 1'000'000;
    check.timeout = 10'000'000'000;
    check.retries = 1;
    return what;
  }
  /// The probe that runs now.
  std::string probe(const std::string& id) {
    daemon_->until([&] { return !service().execs_of(id).empty() && service().find_exec(one(id))->running; });
    return one(id);
  }
  std::string one(const std::string& id) { return service().execs_of(id).front(); }
  void end_probe(const std::string& id, int code) {
    const std::string its = probe(id);
    world_.end(its, code);
    daemon_->until([&] { return service().execs_of(id).empty() || one(id) != its; });
  }
  void until_is(const std::string& id, HealthStatus status) {
    daemon_->until([&] { return health(id).status == status; });
  }
  const Health& health(const std::string& id) { return *(shown_ = service().find(id))->health; }

  Service::Snapshot shown_;
};

TEST_F(HealthTest, FollowsTheProbes) {
  world_.exec_output = std::string("\1\0\0\0\0\0\0\2ok", 10);
  const std::string id = create(checked());
  EXPECT_FALSE(service().find(id)->health);
  daemon_->run(service().start(id));
  EXPECT_EQ(health(id).status, HealthStatus::starting);
  end_probe(id, 0);
  until_is(id, HealthStatus::healthy);
  EXPECT_EQ(health(id).log.back().output, "ok");
  end_probe(id, 7);
  until_is(id, HealthStatus::unhealthy);
  EXPECT_EQ(health(id).log.back().exit_code, 7);
  EXPECT_THAT(daemon_->actions(), Contains("exec_create: probe "));
  EXPECT_THAT(daemon_->actions(), Contains("health_status: healthy"));
  EXPECT_THAT(daemon_->actions(), Contains("health_status: unhealthy"));
}

TEST_F(HealthTest, WhatTakesTooLongIsKilled) {
  auto what = checked();
  what.body.config.healthcheck->timeout = 1'000'000;
  const std::string id = run(what);
  until_is(id, HealthStatus::unhealthy);
  EXPECT_EQ(health(id).log.front().exit_code, -1);
  EXPECT_EQ(health(id).log.front().output, "Health check exceeded timeout (1ms)");
  EXPECT_EQ(state(id), State::running);
}

TEST_F(HealthTest, NothingIsProbedAfterAPauseOrAStop) {
  const std::string id = run(checked());
  (void)probe(id);
  daemon_->run(service().pause(id));
  EXPECT_EQ(health(id).status, HealthStatus::unhealthy);
  daemon_->until([&] { return service().execs_of(id).empty(); });
  daemon_->run(service().unpause(id));
  end_probe(id, 0);
  until_is(id, HealthStatus::healthy);
  (void)probe(id);
  StopRequest stop;
  daemon_->run(service().stop(id, stop));
  EXPECT_EQ(health(id).status, HealthStatus::unhealthy);
  daemon_->until([&] { return service().execs_of(id).empty(); });
}

TEST_F(HealthTest, GoesOnAfterAKillOfTheDaemon) {
  const std::string id = run(checked());
  end_probe(id, 0);
  until_is(id, HealthStatus::healthy);
  const std::string orphan = probe(id);
  crash();
  EXPECT_EQ(health(id).status, HealthStatus::healthy);
  {
    const std::lock_guard lock{world_.mutex};
    EXPECT_TRUE(world_.processes.at(orphan).code) << "the probe that nobody reads was not ended";
  }
  end_probe(id, 1);
  until_is(id, HealthStatus::unhealthy);
}

TEST_F(HealthTest, ActsOnFailure) {
  auto what = checked();
  what.body.config.health_on_failure = "kill";
  const std::string id = run(what);
  end_probe(id, 1);
  daemon_->until([&] { return state(id) == State::exited; });
  EXPECT_EQ(service().find(id)->exit_code, 137);

  auto again = checked();
  again.name = "again";
  again.body.config.health_on_failure = "restart";
  const std::string other = run(again);
  end_probe(other, 1);
  daemon_->until([&] {
    const auto actions = daemon_->actions();
    return std::count(actions.begin(), actions.end(), "restart") == 1;
  });
  EXPECT_EQ(state(other), State::running);
  EXPECT_EQ(health(other).status, HealthStatus::starting);
}

TEST_F(HealthTest, FiltersByHealth) {
  run(checked());
  Filter filter;
  filter.terms["health"] = {"starting"};
  EXPECT_EQ(service().list(filter).size(), 1U);
  filter.terms["health"] = {"none"};
  EXPECT_TRUE(service().list(filter).empty());
  filter.terms["health"] = {"bogus"};
  EXPECT_EQ(refusal([&] { (void)service().list(filter); }), "unrecognized filter value for health: bogus");
}

}  // namespace
}  // namespace gantry::containers
