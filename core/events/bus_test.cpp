#include "events/bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include "gantry/error.hpp"

namespace gantry::events {
namespace {

Event event(const std::string& action, Nanoseconds time = 0) { return {"container", action, "c1", {}, time}; }

TEST(Bus, DeliversInOrderToThoseWhoWantIt) {
  asio::io_context context;
  Bus bus;
  std::vector<std::string> seen;
  const auto subscription = bus.subscribe([](const Event& e) { return e.action != "skip"; });
  const auto listen = [&]() -> awaitable<void> {
    while (auto next = co_await subscription->next()) seen.push_back(next->action);
  };
  asio::co_spawn(context, listen(), asio::detached);
  context.poll();
  for (const char* action : {"create", "skip", "start"}) bus.publish(event(action));
  context.poll();
  bus.publish(event("die"));
  bus.close();
  context.run();
  EXPECT_THAT(seen, ::testing::ElementsAre("create", "start", "die"));
}

TEST(Bus, CutsOffAListenerThatDoesNotRead) {
  asio::io_context context;
  Bus bus{{.history = 10, .queue = 2}};
  const auto subscription = bus.subscribe({});
  for (int i = 0; i < 5; ++i) bus.publish(event("create"));
  int delivered = 0;
  bool cut = false;
  const auto listen = [&]() -> awaitable<void> {
    try {
      while (co_await subscription->next()) ++delivered;
    } catch (const Error& error) {
      cut = error.code() == Errc::exhausted;
    }
  };
  asio::co_spawn(context, listen(), asio::detached);
  context.run();
  EXPECT_EQ(delivered, 2);
  EXPECT_TRUE(cut);
}

TEST(Bus, IsBoundedByBytesToo) {
  asio::io_context context;
  Bus bus{{.bytes = 10'000}};
  const auto subscription = bus.subscribe({});
  for (int i = 0; i < 5; ++i) {
    Event large = event("create");
    large.attributes["label"] = std::string(3000, 'x');
    bus.publish(std::move(large));
  }
  EXPECT_EQ(bus.history(0, now(), {}).size(), 3U);
  int delivered = 0;
  const auto listen = [&]() -> awaitable<void> {
    while (co_await subscription->next()) ++delivered;
  };
  std::exception_ptr failure;
  asio::co_spawn(context, listen(), [&](std::exception_ptr error) { failure = error; });
  context.run();
  EXPECT_EQ(delivered, 3);
  EXPECT_TRUE(failure);
}

TEST(Bus, KeepsTheNewestOfThePast) {
  Bus bus{{.history = 3}};
  for (Nanoseconds time = 1; time <= 5; ++time) bus.publish(event(std::to_string(time), time));
  const auto past = bus.history(0, 4, {});
  ASSERT_EQ(past.size(), 2U);
  EXPECT_EQ(past[0].action, "3");
  EXPECT_EQ(past[1].action, "4");
}

TEST(Bus, ForgetsListenersThatLeft) {
  Bus bus;
  {
    const auto subscription = bus.subscribe({});
    EXPECT_EQ(bus.listeners(), 1U);
  }
  EXPECT_EQ(bus.listeners(), 0U);
  bus.publish(event("create"));
}

TEST(Bus, ALostRaceLosesNoEvent) {
  using namespace asio::experimental::awaitable_operators;
  asio::io_context context;
  Bus bus;
  const auto subscription = bus.subscribe({});
  std::string seen;
  const auto listen = [&]() -> awaitable<void> {
    asio::steady_timer now{context, std::chrono::milliseconds{0}};
    const auto first = co_await (now.async_wait(asio::use_awaitable) || subscription->next());
    EXPECT_EQ(first.index(), 0U);
    bus.publish(event("start"));
    seen = (co_await subscription->next())->action;
  };
  asio::co_spawn(context, listen(), asio::detached);
  context.run();
  EXPECT_EQ(seen, "start");
}

}  // namespace
}  // namespace gantry::events
