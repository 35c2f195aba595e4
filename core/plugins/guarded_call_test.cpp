#include "plugins/guarded_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <future>
#include <latch>
#include <semaphore>
#include <stdexcept>
#include <vector>

#include "plugins/given_up.hpp"

namespace gantry::plugins {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Stands for a driver of any kind: the guard only passes it through.
struct Fake {
  std::atomic<int> calls{0};
};

class GuardedCallTest : public ::testing::Test {
 protected:
  GuardedCallTest() {
    auto info = std::make_shared<DriverInfo>();
    info->kind = "network";
    info->name = "fake";
    fake = {std::make_shared<Fake>(), info};
  }

  /// What a call of `work` comes to: "done: <result>" or "<code>: <message>".
  template <class Work>
  std::string outcome(CallSettings settings, Work work) {
    std::string text;
    asio::co_spawn(io, report(std::move(settings), std::move(work), text), asio::detached);
    io.restart();
    io.run();
    return text;
  }

  template <class Work>
  awaitable<void> report(CallSettings settings, Work work, std::string& text) {
    try {
      const int result = co_await guarded_call(workers, fake, Pool::quick, std::move(settings), std::move(work));
      text = "done: " + std::to_string(result);
    } catch (const GivenUp& error) {
      text = std::string{"given up: "} + error.what();
    } catch (const Error& error) {
      text = std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
  }

  static std::string code(Errc errc) { return std::to_string(static_cast<int>(errc)) + ": "; }

  asio::io_context io{1};
  Workers workers{2, 1, 2};
  Handle<Fake> fake;
};

TEST_F(GuardedCallTest, BringsTheResultBackToTheIoThread) {
  const auto caller = std::this_thread::get_id();
  std::thread::id callee;
  EXPECT_EQ(outcome({},
                    [&](Fake& driver, const Call&) {
                      callee = std::this_thread::get_id();
                      return ++driver.calls;
                    }),
            "done: 1");
  EXPECT_NE(caller, callee);
}

TEST_F(GuardedCallTest, IsMadeHereWhereThatIsPromisedToBeQuick) {
  std::thread::id callee;
  const auto work = [&callee](Fake& driver, const Call& call) {
    callee = std::this_thread::get_id();
    EXPECT_FALSE(call.cancelled());
    return ++driver.calls;
  };
  EXPECT_EQ(guarded_call_here(fake, work), 1);
  EXPECT_EQ(callee, std::this_thread::get_id());
  const auto foreign = [](Fake&, const Call&) -> int { throw 42; };
  try {
    guarded_call_here(fake, foreign);
    ADD_FAILURE() << "returned";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "driver \"fake\" failed with a foreign exception of type int");
  }
}

TEST_F(GuardedCallTest, BringsTheDriversErrorBack) {
  EXPECT_EQ(outcome({},
                    [](Fake&, const Call&) -> int {
                      throw Error{Errc::conflict, "in use"};
                    }),
            code(Errc::conflict) + "in use");
}

TEST_F(GuardedCallTest, ForeignExceptionsAreTheDriversDefects) {
  const std::string prefix = code(Errc::internal) + "driver \"fake\" failed with a foreign exception of type ";
  EXPECT_EQ(outcome({}, [](Fake&, const Call&) -> int { throw 42; }), prefix + "int");
  EXPECT_EQ(outcome({}, [](Fake&, const Call&) -> int { throw std::out_of_range{"index 7"}; }),
            prefix + "std::out_of_range: index 7");
  EXPECT_THAT(outcome({}, [](Fake&, const Call&) -> int { throw std::string{"oh"}; }), HasSubstr(prefix));
  EXPECT_EQ(outcome({},
                    [](Fake&, const Call&) -> int {
                      throw Error{static_cast<Errc>(99), "new"};
                    }),
            code(Errc::internal) + "new");
}

TEST_F(GuardedCallTest, CancellationReachesTheDriver) {
  const auto cancel = std::make_shared<CancelSource>();
  std::thread canceller;
  const auto work = [&](Fake&, const Call& call) -> int {
    canceller = std::thread{[&] { cancel->cancel(); }};
    pollfd readable{call.cancel_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 10'000), 1);
    call.check();
    return 0;
  };
  EXPECT_THAT(outcome({.cancel = cancel}, work), HasSubstr(code(Errc::cancelled)));
  canceller.join();
}

TEST_F(GuardedCallTest, CancelledBeforeItBeganNeverRuns) {
  const auto cancel = std::make_shared<CancelSource>();
  cancel->cancel();
  std::latch open{1};
  for (int n = 0; n < 2; ++n) workers.post(Pool::quick, [&] { open.wait(); });
  EXPECT_THAT(outcome({.cancel = cancel}, [](Fake& driver, const Call&) { return ++driver.calls; }),
              HasSubstr(code(Errc::cancelled)));
  open.count_down();
  workers.join();
  EXPECT_EQ(fake.driver()->calls, 0);
}

TEST_F(GuardedCallTest, TimeLimitIsACancellationOfItsOwn) {
  const auto cancel = std::make_shared<CancelSource>();
  const auto work = [](Fake&, const Call& call) -> int {
    pollfd readable{call.cancel_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 10'000), 1);
    call.check();
    return 0;
  };
  EXPECT_EQ(outcome({.cancel = cancel, .time_limit = 20ms}, work),
            code(Errc::unavailable) + "driver \"fake\" did not finish a call within 20 ms");
  EXPECT_FALSE(cancel->cancelled());
}

TEST_F(GuardedCallTest, TheOperationsCancellationReachesACallWithATimeLimit) {
  const auto cancel = std::make_shared<CancelSource>();
  const auto work = [&](Fake&, const Call& call) -> int {
    cancel->cancel();
    pollfd readable{call.cancel_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&readable, 1, 10'000), 1);
    call.check();
    return 0;
  };
  EXPECT_THAT(outcome({.cancel = cancel, .time_limit = 10s}, work), HasSubstr(code(Errc::cancelled)));
}

TEST_F(GuardedCallTest, DriverThatIgnoresCancellationIsGivenUpAndItsThreadReplaced) {
  const auto stuck = std::make_shared<std::binary_semaphore>(0);
  const auto back = std::make_shared<std::promise<void>>();
  const auto work = [stuck, back](Fake&, const Call& call) {
    stuck->acquire();
    call.progress({"late", "Downloading", 1, 2});
    back->set_value();
    return 1;
  };
  int reports = 0;
  EXPECT_EQ(outcome({.time_limit = 10ms, .progress = [&](const Progress&) { ++reports; }, .grace = 30ms}, work),
            "given up: driver \"fake\" did not return from a call within 40 ms");

  // Both threads of the pool are there: two calls meet.
  const auto meeting = std::make_shared<std::latch>(2);
  std::array<std::string, 2> met;
  const auto meet = [meeting](Fake&, const Call&) {
    meeting->arrive_and_wait();
    return 2;
  };
  for (std::string& text : met) asio::co_spawn(io, report({}, meet, text), asio::detached);
  io.restart();
  io.run();
  EXPECT_THAT(met, ::testing::Each("done: 2"));

  stuck->release();
  back->get_future().wait();
  EXPECT_EQ(reports, 0);
}

TEST_F(GuardedCallTest, ProgressArrivesWhileTheCallRuns) {
  std::vector<std::string> actions;
  outcome({.progress = [&](const Progress& report) { actions.push_back(report.action); }}, [](Fake&, const Call& call) {
    call.progress({"id", "Downloading", 1, 2});
    call.progress({"id", "Extracting", 1, 2});
    return 0;
  });
  EXPECT_THAT(actions, ::testing::ElementsAre("Downloading", "Extracting"));
}

TEST_F(GuardedCallTest, CallWithoutCancellationHasNoDescriptor) {
  EXPECT_EQ(outcome({}, [](Fake&, const Call& call) { return call.cancel_fd(); }), "done: -1");
}

TEST_F(GuardedCallTest, IsCheap) {
  std::vector<std::chrono::nanoseconds> times;
  const auto measure = [&]() -> awaitable<void> {
    for (int n = 0; n < 5000; ++n) {
      const auto begin = std::chrono::steady_clock::now();
      co_await guarded_call(workers, fake, Pool::quick, CallSettings{},
                            [](Fake& driver, const Call&) { ++driver.calls; });
      times.push_back(std::chrono::steady_clock::now() - begin);
    }
  };
  asio::co_spawn(io, measure(), asio::detached);
  io.run();
  std::ranges::sort(times);
  RecordProperty("median_ns", static_cast<int>(times[times.size() / 2].count()));
  EXPECT_LT(times[times.size() / 2], 1ms);
  if (std::getenv("GANTRY_TIMES") != nullptr)
    std::printf("call: %lld ns\n", static_cast<long long>(times[2500].count()));
}

}  // namespace
}  // namespace gantry::plugins
