#include "schedule.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <semaphore>
#include <set>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

/// A session that does nothing but count what it is told to stop.
class FakeSteps final : public builder::v1::Steps {
 public:
  void output(std::string_view, bool) override {}
  int run(const std::string&, builder::v1::Output&) override { return 0; }
  void stop(const std::string& container) override {
    stopped = container;
    stops.release();
  }
  std::string stopped;
  std::counting_semaphore<> stops{0};
};

StageState made(const std::string& image) {
  StageState out;
  out.image = image;
  return out;
}

TEST(Schedule, BuildsStagesThatNeedEachOtherInOrder) {
  FakeSteps steps;
  Schedule schedule{{{0, {}}, {1, {0}}, {2, {1, 0}}}, &steps};
  std::string order;
  schedule.run(
      [&](std::size_t stage) {
        order += std::to_string(stage);
        if (stage == 2) {
          EXPECT_EQ(schedule.result(1, 2)->image, "1");
        }
        return made(std::to_string(stage));
      },
      false);
  EXPECT_EQ(order, "012");
  EXPECT_FALSE(schedule.result(7, 9));
}

TEST(Schedule, BuildsAStageOnceAllThatItNeedsAreBuilt) {
  constexpr std::size_t kStages = 2000;
  FakeSteps steps;
  Schedule::Dependencies needs;
  for (std::size_t stage = 0; stage < kStages; ++stage) {
    needs[stage];
    if (stage >= 7) needs[stage] = {stage / 7, stage - 7, stage - 3};
  }
  Schedule schedule{needs, &steps};
  std::mutex mutex;
  std::set<std::size_t> built;
  schedule.run(
      [&](std::size_t stage) {
        const std::lock_guard lock{mutex};
        for (const std::size_t one : needs.at(stage)) EXPECT_TRUE(built.contains(one)) << one << " for " << stage;
        EXPECT_TRUE(built.insert(stage).second);
        return made("x");
      },
      true);
  EXPECT_EQ(built.size(), kStages);
}

TEST(Schedule, BuildsStagesThatDoNotSideBySide) {
  FakeSteps steps;
  Schedule schedule{{{0, {}}, {1, {}}, {2, {0, 1}}}, &steps};
  std::latch both{2};
  schedule.run(
      [&](std::size_t stage) {
        if (stage < 2) both.arrive_and_wait();  // Neither gets on alone.
        return made("x");
      },
      false);
}

TEST(Schedule, TellsTheFailureThatWouldHaveComeFirst) {
  FakeSteps steps;
  Schedule schedule{{{0, {}}, {1, {}}, {2, {0, 1}}}, &steps};
  std::latch late{1};
  const auto work = [&](std::size_t stage) -> StageState {
    EXPECT_LT(stage, 2U) << "built in vain";
    if (stage == 0) late.wait();
    if (stage == 1) late.count_down();
    throw Error{Errc::invalid, "stage " + std::to_string(stage)};
  };
  try {
    schedule.run(work, false);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "stage 0");
  }
}

TEST(Schedule, EndsCommandsThatRunInVain) {
  FakeSteps steps;
  Schedule schedule{{{0, {}}, {1, {}}, {2, {0, 1}}}, &steps};
  std::latch runs{1};
  const auto work = [&](std::size_t stage) -> StageState {
    if (stage == 0) {
      runs.wait();
      throw Error{Errc::invalid, "first"};
    }
    schedule.set_running(stage, "container");
    runs.count_down();
    steps.stops.acquire();  // As a command that ends only when it is told to.
    EXPECT_TRUE(schedule.stopped(stage));
    schedule.set_running(stage, "");
    throw Error{Errc::cancelled, "ended"};
  };
  EXPECT_THROW(schedule.run(work, false), Error);
  EXPECT_EQ(steps.stopped, "container");
}

TEST(Schedule, WorksWithADaemonThatDoesOneStepAtATime) {
  Schedule schedule{{{0, {}}, {1, {}}}, nullptr};
  int now = 0;
  schedule.run(
      [&](std::size_t) {
        EXPECT_EQ(++now, 1);
        --now;
        return made("x");
      },
      true);
}

}  // namespace
}  // namespace gantry::dockerfile
