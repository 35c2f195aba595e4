#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>

#include "containers/service_fixture.hpp"

/// Who waits for a container's end, or asks about it afterwards.
namespace gantry::containers {
namespace {

CreateRequest endless() {
  CreateRequest out;
  out.name = "web";
  out.body.config.image = "busybox";
  out.body.host_config.restart_policy.name = "always";
  return out;
}

TEST_F(ServiceTest, TheEndOfARunIsToldUnderARestartPolicyToo) {
  const std::string id = run(endless());
  const auto waiter = service().wait(id, WaitCondition::not_running);
  const auto removal = service().wait(id, WaitCondition::removed);
  world_.end(id, 3);
  EXPECT_EQ(daemon_->run(waiter->result()).exit_code, 3);
  EXPECT_EQ(state(id), State::restarting);
  bool removed = false;
  const auto until_removed = [&]() -> awaitable<void> {
    (void)co_await removal->result();
    removed = true;
  };
  asio::co_spawn(daemon_->context(), until_removed(), asio::detached);
  daemon_->until([&] { return state(id) == State::running; });
  EXPECT_FALSE(removed);
  RemoveRequest request;
  request.force = true;
  daemon_->run(service().remove(id, request));
  daemon_->until([&] { return removed; });
}

TEST_F(ServiceTest, ARemovalByForceIsDoneWhenRmWasQuicker) {
  auto what = request();
  what.body.host_config.auto_remove = true;
  const std::string id = run(what);
  RemoveRequest removal;
  removal.force = true;
  EXPECT_NO_THROW(daemon_->run(service().remove("web", removal)));
  EXPECT_FALSE(exists(id));
  EXPECT_TRUE(world_.holds_nothing());
}

TEST_F(ServiceTest, WhatAnExecEndedWithIsKnownBeyondTheRun) {
  const std::string id = run();
  const auto make_exec = [&] {
    ExecRequest exec;
    exec.cmd = {"true"};
    return daemon_->run(service().create_exec(id, exec));
  };
  const std::string started = make_exec();
  const std::string never_started = make_exec();
  ExecStart start;
  start.detach = true;
  (void)daemon_->run(service().start_exec(started, start));
  const auto waiter = service().wait(id, WaitCondition::not_running);
  world_.end(id, 137);
  (void)daemon_->run(waiter->result());
  EXPECT_EQ(service().find_exec(started)->id, started);
  EXPECT_THAT(refusal([&] { (void)service().find_exec(never_started); }), HasSubstr("No such exec instance"));
  RemoveRequest removal;
  daemon_->run(service().remove(id, removal));
  EXPECT_THAT(refusal([&] { (void)service().find_exec(started); }), HasSubstr("No such exec instance"));
}

}  // namespace
}  // namespace gantry::containers
