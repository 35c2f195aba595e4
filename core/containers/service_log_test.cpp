#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <future>

#include "containers/service_fixture.hpp"

/// A log driver that does not answer.
namespace gantry::containers {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;

TEST_F(ServiceTest, ALogDriverThatHangsIsGivenUpAndHoldsUpNobodyElse) {
  settings_.log_driver_limit = 300ms;
  boot();
  const std::string id = create();
  std::promise<void> release;
  world_.log_gate = release.get_future().share();
  bool answered = false;
  const auto look_meanwhile = [&]() -> awaitable<void> {
    // Behind the start: the thread that serves everybody is free.
    co_await asio::post(asio::use_awaitable);
    answered = service().find("web")->state == State::starting;
  };
  const std::string why = refusal([&] {
    asio::co_spawn(daemon_->context(), look_meanwhile(), asio::detached);
    daemon_->run(service().start(id));
  });
  EXPECT_THAT(why, AllOf(HasSubstr("failed to initialize logging driver: "),
                         HasSubstr("log driver \"json-file\" did not answer within 300 ms for container web")));
  EXPECT_TRUE(answered);
  EXPECT_EQ(state(id), State::created);
  world_.log_gate.reset();
  EXPECT_TRUE(daemon_->run(service().start(id)));
  RemoveRequest removal;
  removal.force = true;
  daemon_->run(service().remove(id, removal));
  EXPECT_FALSE(exists(id));
  EXPECT_TRUE(world_.holds_nothing());
  release.set_value();
}

TEST_F(ServiceTest, ARemovalByForceDoesNotWaitForALogDriverThatHangs) {
  const std::string id = create();
  std::promise<void> release;
  world_.log_gate = release.get_future().share();
  std::string why;
  const auto starting = [&]() -> awaitable<void> {
    try {
      co_await service().start(id);
    } catch (const Error& error) {
      why = error.what();
    }
  };
  asio::co_spawn(daemon_->context(), starting(), asio::detached);
  daemon_->until([&] { return state(id) == State::starting; });
  RemoveRequest removal;
  removal.force = true;
  const auto begun = std::chrono::steady_clock::now();
  daemon_->run(service().remove(id, removal));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s) << "not the driver's whole limit";
  EXPECT_FALSE(exists(id));
  daemon_->until([&] { return !why.empty(); });
  EXPECT_THAT(why, HasSubstr("log driver \"json-file\" did not answer for container web before it was to be removed"));
  release.set_value();
}

}  // namespace
}  // namespace gantry::containers
