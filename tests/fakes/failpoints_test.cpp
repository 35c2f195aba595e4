// The fakes' faults, as the core's tests use them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>

#include "base/file.hpp"
#include "base/id.hpp"
#include "plugins/drivers.hpp"
#include "plugins/look_up.hpp"

namespace gantry::plugins {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class FailpointsTest : public ::testing::Test {
 protected:
  FailpointsTest() : folder_(fs::temp_directory_path() / ("gantry-" + random_id())) { fs::create_directory(folder_); }
  ~FailpointsTest() override { fs::remove_all(folder_); }

  DriverConfig config(const std::string& failpoints) const {
    DriverConfig config;
    config.directories = {GANTRY_FAKES_DIR};
    config.data_root = folder_ / "data";
    config.exec_root = folder_ / "exec";
    config.storage = config.registry = config.runtime = "fake";
    config.options["fake"] = {{"failpoints", failpoints}};
    return config;
  }

  /// What a list of volumes comes to.
  static std::string list(Drivers& drivers, CallSettings settings = {}) {
    asio::io_context io{1};
    std::string outcome;
    const auto ask = [&]() -> awaitable<void> {
      try {
        co_await drivers.call(drivers.volume("fake"), Pool::quick, settings, [](auto& driver, const Call& call) {
          std::vector<std::string> out;
          driver.list(out, call);
          return out;
        });
        outcome = "done";
      } catch (const Error& error) {
        outcome = error.what();
      }
    };
    asio::co_spawn(io, ask(), asio::detached);
    io.run();
    return outcome;
  }

  /// What a config that is read again comes to.
  static std::string reload(Drivers& drivers, const DriverConfig& fresh) {
    asio::io_context io{1};
    std::string outcome;
    const auto ask = [&]() -> awaitable<void> {
      try {
        co_await drivers.reload(fresh);
        outcome = "done";
      } catch (const Error& error) {
        outcome = error.what();
      }
    };
    asio::co_spawn(io, ask(), asio::detached);
    io.run();
    return outcome;
  }

  /// What so many first uses of a volume plugin at once come to; `meanwhile` is called when all of them wait.
  static std::vector<std::string> use(Drivers& drivers, int count, const std::function<void()>& meanwhile = {}) {
    asio::io_context io{1};
    std::vector<std::string> outcomes;
    const auto ask = [&]() -> awaitable<void> {
      try {
        const VolumeDriver driver = co_await drivers.use_volume("slow");
        outcomes.push_back(driver.name());
      } catch (const Error& error) {
        outcomes.push_back(error.what());
      }
    };
    for (int n = 0; n < count; ++n) asio::co_spawn(io, ask(), asio::detached);
    if (meanwhile) asio::post(io, meanwhile);
    io.run();
    return outcomes;
  }

  fs::path data(const std::string& driver) const { return folder_ / "data/drivers" / driver; }

  fs::path folder_;
};

TEST_F(FailpointsTest, FailAtTheCallThatIsAskedFor) {
  Workers workers{1, 1};
  Drivers drivers{config("list=fail-io:2"), workers};
  drivers.load();
  EXPECT_EQ(list(drivers), "done");
  EXPECT_EQ(list(drivers), "failpoint fail-io");
  EXPECT_EQ(list(drivers), "done");
  EXPECT_EQ(read_file(data("volume-fake") / "calls"), "open\nlist\nlist\nlist\n");
}

TEST_F(FailpointsTest, BlockUntilCancelledOrReleased) {
  Workers workers{1, 1};
  Drivers drivers{config(""), workers};
  drivers.load();
  std::ofstream{data("volume-fake") / "failpoints"} << "list=block:*";
  EXPECT_THAT(list(drivers, {.time_limit = 30ms}), HasSubstr("did not finish a call"));
  std::ofstream{data("volume-fake") / "failpoints"} << "list=hang:*";
  EXPECT_THAT(list(drivers, {.time_limit = 30ms, .grace = 30ms}), HasSubstr("did not return from a call"));
  std::ofstream{data("volume-fake") / "release"};
  EXPECT_EQ(list(drivers), "done");
}

TEST_F(FailpointsTest, OpenThatFailsOfAChosenDriverEndsTheStart) {
  Workers workers{1, 1};
  Drivers drivers{config("open=fail-unavailable"), workers};
  try {
    drivers.load();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "storage driver \"fake\" cannot be used: failpoint fail-unavailable");
  }
}

TEST_F(FailpointsTest, OpenThatFailsOfAnotherDriverIsListed) {
  Workers workers{1, 1};
  DriverConfig quiet = config("");
  quiet.options.clear();
  fs::create_directories(data("network-fake"));
  std::ofstream{data("network-fake") / "failpoints"} << "open=fail-unavailable";
  Drivers drivers{quiet, workers};
  drivers.load();
  EXPECT_THAT(drivers.names("network"), ::testing::IsEmpty());
  EXPECT_THAT(drivers.names("volume"), ::testing::ElementsAre("fake"));
  try {
    static_cast<void>(drivers.network("fake"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("failpoint fail-unavailable"));
  }
}

TEST_F(FailpointsTest, OpenThatHangsWhileTheDaemonRunsIsGivenUp) {
  Workers workers{1, 1};
  DriverConfig first = config("");
  first.open_limit = first.open_grace = 30ms;
  Drivers drivers{first, workers};
  drivers.load();
  DriverConfig fresh = first;
  fresh.runtimes["slow"] = {"fake", {}};
  fs::create_directories(data("runtime-slow"));
  std::ofstream{data("runtime-slow") / "failpoints"} << "open=hang";
  EXPECT_EQ(reload(drivers, fresh), "driver \"fake\" did not return from its opening within 60 ms");
  EXPECT_THAT(drivers.runtime_names(), ::testing::Not(::testing::Contains("slow")));
  std::ofstream{data("runtime-slow") / "release"};
  // Where the machine has much to do, an opening may take longer than the limit.
  std::string outcome;
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (outcome != "done" && std::chrono::steady_clock::now() < patience) {
    outcome = reload(drivers, fresh);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(outcome, "done");
  EXPECT_THAT(drivers.runtime_names(), ::testing::Contains("slow"));
}

TEST_F(FailpointsTest, TheFirstUsesOfAPluginWaitForOneOpening) {
  Workers workers{1, 1};
  DriverConfig with_stand_in = config("");
  with_stand_in.directories.emplace_back(GANTRY_STAND_IN_DIR);
  Drivers drivers{with_stand_in, workers};
  drivers.load();
  const fs::path folder = data("volume-stand-in-slow");
  fs::create_directories(folder);
  std::ofstream{folder / "failpoints"} << "open=hang:*";
  const auto release = [&folder] { std::ofstream{folder / "release"}; };
  EXPECT_THAT(use(drivers, 3, release), ::testing::ElementsAre("slow", "slow", "slow"));
  EXPECT_EQ(read_file(folder / "calls"), "open\n");
}

TEST_F(FailpointsTest, APluginsOpeningThatHangsIsGivenUpAndNotRepeated) {
  Workers workers{1, 1};
  DriverConfig with_stand_in = config("");
  with_stand_in.directories.emplace_back(GANTRY_STAND_IN_DIR);
  with_stand_in.open_limit = with_stand_in.open_grace = 30ms;
  Drivers drivers{with_stand_in, workers};
  drivers.load();
  const fs::path folder = data("volume-stand-in-slow");
  fs::create_directories(folder);
  std::ofstream{folder / "failpoints"} << "open=hang:*";
  const std::string given_up = "driver \"slow\" did not return from its opening within 60 ms";
  EXPECT_THAT(use(drivers, 2), ::testing::ElementsAre(given_up, given_up));
  EXPECT_THAT(use(drivers, 1), ::testing::ElementsAre(HasSubstr("has not returned from an opening")));
  EXPECT_EQ(read_file(folder / "calls"), "open\n");
  std::ofstream{folder / "release"};
  // There is no event to wait for: nobody hears when the thread has come back.
  std::vector<std::string> outcome;
  const auto patience = std::chrono::steady_clock::now() + 30s;
  while (outcome != std::vector<std::string>{"slow"} && std::chrono::steady_clock::now() < patience) {
    outcome = use(drivers, 1);
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_THAT(outcome, ::testing::ElementsAre("slow"));
}

/// Asks again and again as the io thread's other work goes on, for there is no event; false after some time.
awaitable<bool> comes_true(std::function<bool()> what) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (int attempt = 0; attempt < 15'000 && !what(); ++attempt) {
    timer.expires_after(1ms);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return what();
}

TEST_F(FailpointsTest, PluginsAreOpenedSideBySide) {
  Workers workers{1, 2};
  DriverConfig with_stand_in = config("");
  with_stand_in.directories.emplace_back(GANTRY_STAND_IN_DIR);
  Drivers drivers{with_stand_in, workers};
  drivers.load();
  std::vector<fs::path> folders;
  for (const char* const name : {"slow-1", "slow-2"}) {
    const fs::path folder = folders.emplace_back(data(std::string{"volume-stand-in-"} + name));
    fs::create_directories(folder);
    std::ofstream{folder / "failpoints"} << "open=hang:*";
  }
  asio::io_context io{1};
  bool both_begun = false;
  const auto release = [&]() -> awaitable<void> {
    both_begun = co_await comes_true([&] {
      return std::ranges::all_of(folders, [](const fs::path& folder) { return fs::exists(folder / "calls"); });
    });
    for (const fs::path& folder : folders) std::ofstream{folder / "release"};
  };
  asio::co_spawn(io, look_up_all(drivers, "volume", {"nosuch", "slow-1", "slow-2"}), asio::detached);
  asio::co_spawn(io, release(), asio::detached);
  io.run();
  EXPECT_TRUE(both_begun) << "one waited for the other";
  EXPECT_THAT(drivers.names("volume"), ::testing::IsSupersetOf({"slow-1", "slow-2"}));
}

TEST_F(FailpointsTest, AnOpeningThatNoThreadWasFreeForIsTriedAgain) {
  Workers workers{1, 1, 1};
  DriverConfig with_stand_in = config("");
  with_stand_in.directories.emplace_back(GANTRY_STAND_IN_DIR);
  with_stand_in.open_limit = 30ms;
  Drivers drivers{with_stand_in, workers};
  drivers.load();
  std::promise<void> busy;
  workers.post(Pool::slow, [until = busy.get_future().share()] { until.wait(); });
  EXPECT_THAT(use(drivers, 1), ::testing::ElementsAre(HasSubstr("no thread was free")));
  EXPECT_THAT(use(drivers, 1), ::testing::ElementsAre(HasSubstr("no thread was free")));
  busy.set_value();
}

TEST_F(FailpointsTest, APluginDoesNotTakeThePlaceOfADriverThatWasEnabledMeanwhile) {
  Workers workers{1, 2};
  DriverConfig with_stand_in = config("");
  with_stand_in.directories.emplace_back(GANTRY_STAND_IN_DIR);
  Drivers drivers{with_stand_in, workers};
  drivers.load();
  const fs::path folder = data("volume-stand-in-fake");
  fs::create_directories(folder);
  std::ofstream{folder / "failpoints"} << "open=hang:*";
  asio::io_context io{1};
  const auto switch_over = [&]() -> awaitable<void> {
    co_await drivers.disable("volume", "fake");
    asio::co_spawn(io, drivers.use_volume("fake"), [](const std::exception_ptr&, const VolumeDriver&) {});
    co_await comes_true([&] { return fs::exists(folder / "calls"); });
    co_await drivers.enable("volume", "fake");
    std::ofstream{folder / "release"};
  };
  asio::co_spawn(io, switch_over(), [](const std::exception_ptr& failure) { EXPECT_FALSE(failure); });
  io.run();
  EXPECT_THAT(drivers.volume("fake").info().file, HasSubstr("fake-volume.so"));
}

TEST_F(FailpointsTest, KillEndsTheProcessThere) {
  const pid_t child = ::fork();
  if (child == 0) {
    Workers workers{1, 1};
    Drivers drivers{config("list=after-kill"), workers};
    drivers.load();
    list(drivers);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace gantry::plugins
