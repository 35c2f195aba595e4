// Calls into a driver in a process of its own.

#include "isolated/remote.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "isolated/remote_fixture.hpp"

namespace gantry::isolated {
namespace {

using namespace std::chrono_literals;

TEST_F(Remotes, SayWhatTheyAre) {
  EXPECT_EQ(settings_.description.kind, "volume");
  EXPECT_EQ(settings_.description.name, "fake");
  ASSERT_FALSE(settings_.description.options.empty());
  EXPECT_THROW(describe(*settings_.program, DriverFile{"/bin/true"}), Error);
}

TEST_F(Remotes, AreCalledByManyAtOnce) {
  open();
  std::vector<std::thread> threads;
  for (int n = 0; n < 16; ++n) {
    threads.emplace_back([this, n] {
      for (int m = 0; m < 20; ++m) create("v" + std::to_string(n) + "-" + std::to_string(m));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::string> names;
  driver_->list(names, call_);
  EXPECT_EQ(std::ranges::count_if(names, [](const std::string& name) { return name.starts_with("v"); }), 320);
}

TEST_F(Remotes, PassErrorsOn) {
  open();
  faults("create=fail-exhausted:*");
  EXPECT_EQ(failure("a").code(), Errc::exhausted);
  faults("create=foreign:*");
  const Error foreign = failure("a");
  EXPECT_EQ(foreign.code(), Errc::internal);
  EXPECT_STREQ(foreign.what(), "driver \"fake\" failed with a foreign exception of type int");
}

TEST_F(Remotes, AreToldOfCancellation) {
  open();
  faults("create=block:*");
  std::thread canceller{[this] {
    while (!fs::exists(root_ / "data" / "calls")) std::this_thread::yield();
    call_.cancel();
  }};
  EXPECT_EQ(failure("a").code(), Errc::cancelled);
  canceller.join();
  faults("");
  // The connection serves another call, which nobody has cancelled.
  volume::v1::Volume out;
  const FakeCall other;
  driver_->create("b", {}, out, other);
}

TEST_F(Remotes, DeafToCancellationAreLeftAlone) {
  settings_.grace = 50ms;
  open();
  faults("create=hang:*");
  call_.cancel();
  EXPECT_STREQ(failure("a").what(), "volume driver \"fake\": it did not return from a call after being cancelled");
  faults("");
  const pid_t pid = remote_->pid();
  volume::v1::Volume out;
  const FakeCall other;
  driver_->create("b", {}, out, other);
  EXPECT_EQ(remote_->pid(), pid) << "its process goes on";
  std::ofstream{root_ / "data" / "release"};
}

TEST_F(Remotes, AddLittleToACall) {
  open();
  create("a");
  std::vector<std::chrono::steady_clock::duration> times(500);
  for (auto& time : times) {
    const auto begin = std::chrono::steady_clock::now();
    volume::v1::Usage out;
    driver_->usage("a", out, call_);
    time = std::chrono::steady_clock::now() - begin;
  }
  std::ranges::sort(times);
  const auto median = std::chrono::duration_cast<std::chrono::microseconds>(times[times.size() / 2]);
  RecordProperty("microseconds", std::to_string(median.count()));
  EXPECT_LT(median, 1ms);
}

}  // namespace
}  // namespace gantry::isolated
