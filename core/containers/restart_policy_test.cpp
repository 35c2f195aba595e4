#include "containers/restart_policy.hpp"

#include <gtest/gtest.h>

namespace gantry::containers {
namespace {

using std::chrono::milliseconds;

Container ended(const std::string& policy, int code, int retries = 0) {
  Container container;
  container.state = State::exited;
  container.started = 1;
  container.exit_code = code;
  container.host_config.restart_policy.name = policy;
  container.host_config.restart_policy.maximum_retry_count = retries;
  return container;
}

TEST(RestartPolicy, DecidesByNameAndExitCode) {
  EXPECT_FALSE(asks_for_restart(ended("no", 1)));
  EXPECT_FALSE(asks_for_restart(ended("", 1)));
  EXPECT_TRUE(asks_for_restart(ended("always", 0)));
  EXPECT_TRUE(asks_for_restart(ended("unless-stopped", 0)));
  EXPECT_FALSE(asks_for_restart(ended("on-failure", 0)));
  EXPECT_TRUE(asks_for_restart(ended("on-failure", 1)));
  auto tried = ended("on-failure", 1, 2);
  tried.restart_count = 1;
  EXPECT_TRUE(asks_for_restart(tried));
  tried.restart_count = 2;
  EXPECT_FALSE(asks_for_restart(tried));
}

TEST(RestartPolicy, ANewDaemonLeavesAloneWhatWasStoppedByHand) {
  auto stopped = ended("unless-stopped", 0);
  EXPECT_TRUE(comes_back(stopped));
  stopped.stopped_by_user = true;
  EXPECT_FALSE(comes_back(stopped));
  stopped.host_config.restart_policy.name = "always";
  EXPECT_TRUE(comes_back(stopped));
  stopped.started = 0;
  EXPECT_FALSE(comes_back(stopped));
}

TEST(RestartPolicy, BackoffDoublesUpToAMinuteAndStartsAnewAfterALongRun) {
  milliseconds backoff{0};
  backoff = next_backoff(backoff, 0);
  EXPECT_EQ(backoff, milliseconds{100});
  for (int restart = 0; restart < 9; ++restart) backoff = next_backoff(backoff, 0);
  EXPECT_EQ(backoff, milliseconds{51200});
  EXPECT_EQ(next_backoff(backoff, 0), milliseconds{60000});
  EXPECT_EQ(next_backoff(backoff, 9'999'999'999), milliseconds{60000});
  EXPECT_EQ(next_backoff(backoff, 10'000'000'000), milliseconds{100});
}

}  // namespace
}  // namespace gantry::containers
