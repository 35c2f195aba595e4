// A driver that crashes in its process, and is started again.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "isolated/remote_fixture.hpp"

namespace gantry::isolated {
namespace {

using namespace std::chrono_literals;

TEST_F(Remotes, ThatCrashFailTheCallAndTakeTheNextOne) {
  open();
  create("before");
  const pid_t first = remote_->pid();
  for (const char* action : {"create=abort:*", "create=segfault:*", "create=exit:*"}) {
    faults(action);
    const Error error = failure("a");
    EXPECT_EQ(error.code(), Errc::unavailable);
    EXPECT_NE(std::string{error.what()}.find("volume driver \"fake\" crashed ("), std::string::npos) << error.what();
    EXPECT_NE(std::string{error.what()}.find(") during this call"), std::string::npos) << error.what();
    faults("");
    create("after");
  }
  volume::v1::Volume found;
  driver_->inspect("before", found, call_);
  EXPECT_NE(remote_->pid(), first);
}

TEST_F(Remotes, KilledBetweenCallsServeTheNextOne) {
  open();
  for (int round = 0; round < 3; ++round) {
    const pid_t pid = remote_->pid();
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    // It may still take the call, and die then.
    try {
      create("a");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::unavailable);
      create("a");
    }
    EXPECT_NE(remote_->pid(), pid);
  }
}

TEST_F(Remotes, ThatCrashAgainAndAgainAreBackedOff) {
  EXPECT_EQ(restart_delay(1), 0ms);
  EXPECT_EQ(restart_delay(2), 100ms);
  EXPECT_EQ(restart_delay(3), 200ms);
  EXPECT_EQ(restart_delay(8), 6400ms);
  EXPECT_EQ(restart_delay(1000), 30s);
  open();
  faults("create=abort:*");
  std::string last;
  for (int n = 0; n < 8; ++n) last = failure("a").what();
  EXPECT_NE(last.find("started again later"), std::string::npos) << last;
}

TEST_F(Remotes, ThatCannotBeOpenedSayWhy) {
  faults("open=fail-unavailable:*");
  EXPECT_THROW(open(), Error);
  faults("open=abort:*");
  try {
    open();
    ADD_FAILURE() << "it was opened";
  } catch (const Error& error) {
    EXPECT_NE(std::string{error.what()}.find("crashed when it was opened"), std::string::npos) << error.what();
  }
}

TEST_F(Remotes, LearnBeforeTheyAreCalledAgain) {
  std::mutex mutex;
  std::condition_variable changed;
  Lesson lesson = kNoLesson;
  settings_.relearn = [&](Lesson given) {
    const std::scoped_lock guard{mutex};
    lesson = given;
    changed.notify_all();
  };
  open();
  ::kill(remote_->pid(), SIGKILL);
  {
    std::unique_lock guard{mutex};
    changed.wait(guard, [&] { return lesson != kNoLesson; });
  }
  std::atomic<bool> called{false};
  std::thread caller{[&] {
    create("later");
    called = true;
  }};
  const auto teacher = std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, lesson));
  volume::v1::Volume out;
  teacher->create("first", {}, out, call_);
  EXPECT_FALSE(called);
  remote_->ready(lesson);
  caller.join();
  EXPECT_TRUE(called);
}

TEST_F(Remotes, ThatCrashWhileTheyLearnLearnFromTheBeginning) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Lesson> lessons;
  settings_.relearn = [&](Lesson given) {
    const std::scoped_lock guard{mutex};
    lessons.push_back(given);
    changed.notify_all();
  };
  open();
  for (std::size_t count = 1; count <= 2; ++count) {
    ::kill(remote_->pid(), SIGKILL);
    std::unique_lock guard{mutex};
    changed.wait(guard, [&] { return lessons.size() == count; });
  }
  const auto teacher_of = [this](Lesson lesson) {
    return std::static_pointer_cast<volume::v1::Driver>(find_kind("volume")->make_proxy(remote_, lesson));
  };
  volume::v1::Volume out;
  EXPECT_THROW(teacher_of(lessons[0])->create("first", {}, out, call_), Error) << "that process is no more";
  remote_->ready(lessons[0]);
  FakeCall impatient;
  impatient.cancel();
  EXPECT_THROW(driver_->create("later", {}, out, impatient), Error) << "it knows nothing yet, so the call waits";
  teacher_of(lessons[1])->create("first", {}, out, call_);
  remote_->ready(lessons[1]);
  create("later");
}

}  // namespace
}  // namespace gantry::isolated
