#include "containers/health.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::containers {
namespace {

constexpr Nanoseconds kOneSecond = 1'000'000'000;

ProbeResult exited(int code) {
  ProbeResult result;
  result.exit_code = code;
  result.output = std::to_string(code);
  return result;
}

wire::ContainerConfig checked(std::vector<std::string> test) {
  wire::ContainerConfig config;
  config.healthcheck.emplace().test = std::move(test);
  return config;
}

TEST(Health, IsCheckedByACommandOnly) {
  EXPECT_FALSE(has_health_check({}));
  EXPECT_FALSE(has_health_check(checked({})));
  EXPECT_FALSE(has_health_check(checked({"NONE"})));
  EXPECT_FALSE(has_health_check(checked({"FOO", "x"})));
  EXPECT_TRUE(has_health_check(checked({"CMD", "x"})));
  EXPECT_TRUE(has_health_check(checked({"CMD-SHELL", "x"})));
}

TEST(Health, AnImagesTimesThatAreNoneAreTheDefault) {
  wire::Healthcheck check;
  check.interval = check.timeout = check.start_interval = -1;
  EXPECT_EQ(probe_timeout(check), 30 * kOneSecond);
  EXPECT_EQ(probe_delay(check, HealthStatus::healthy, 0), 30 * kOneSecond);
  check.start_period = kOneSecond;
  EXPECT_EQ(probe_delay(check, HealthStatus::starting, 0), 5 * kOneSecond);
}

TEST(Health, CommandGoesThroughTheShellOnlyIfAsked) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(probe_command(checked({"CMD", "a", "b c"})), (Words{"a", "b c"}));
  EXPECT_EQ(probe_command(checked({"CMD-SHELL", "a b"})), (Words{"/bin/sh", "-c", "a b"}));
  auto config = checked({"CMD-SHELL", "a b"});
  config.shell = {"/bin/bash", "-ec"};
  EXPECT_EQ(probe_command(config), (Words{"/bin/bash", "-ec", "a b"}));
  EXPECT_EQ(probe_command(checked({"CMD"})), Words{""});
}

TEST(Health, TurnsUnhealthyAfterTheRetries) {
  wire::Healthcheck check;
  Health health;
  take_result(health, exited(0), check, 0);
  EXPECT_EQ(health.status, HealthStatus::healthy);
  for (int failure = 1; failure <= 4; ++failure) {
    take_result(health, exited(failure), check, 0);
    EXPECT_EQ(health.failing_streak, failure);
    EXPECT_EQ(health.status, failure < 3 ? HealthStatus::healthy : HealthStatus::unhealthy);
  }
  take_result(health, exited(0), check, 0);
  EXPECT_EQ(health.status, HealthStatus::healthy);
  EXPECT_EQ(health.failing_streak, 0);
  ASSERT_EQ(health.log.size(), 5U);
  EXPECT_EQ(health.log.front().output, "1");
}

TEST(Health, FailuresDoNotCountInTheStartPeriod) {
  wire::Healthcheck check;
  check.retries = 1;
  check.start_period = 10 * kOneSecond;
  Health health;
  take_result(health, exited(1), check, 9 * kOneSecond);
  EXPECT_EQ(health.status, HealthStatus::starting);
  EXPECT_EQ(health.failing_streak, 0);
  EXPECT_EQ(health.log.size(), 1U);
  take_result(health, exited(0), check, 9 * kOneSecond);
  take_result(health, exited(1), check, 9 * kOneSecond);  // the first success ends the start period
  EXPECT_EQ(health.status, HealthStatus::unhealthy);
  begin_health(health);
  take_result(health, exited(1), check, 10 * kOneSecond);
  EXPECT_EQ(health.status, HealthStatus::unhealthy);
}

TEST(Health, ProbesComeFasterInTheStartPeriod) {
  wire::Healthcheck check;
  EXPECT_EQ(probe_delay(check, HealthStatus::starting, 0), 30 * kOneSecond);
  check.start_period = 10 * kOneSecond;
  check.interval = 7 * kOneSecond;
  EXPECT_EQ(probe_delay(check, HealthStatus::starting, 0), 5 * kOneSecond);
  check.start_interval = kOneSecond;
  EXPECT_EQ(probe_delay(check, HealthStatus::starting, 0), kOneSecond);
  EXPECT_EQ(probe_delay(check, HealthStatus::healthy, 0), 7 * kOneSecond);
  EXPECT_EQ(probe_delay(check, HealthStatus::starting, 10 * kOneSecond), 7 * kOneSecond);
}

TEST(Health, OutputIsCut) {
  ProbeOutput output;
  output.append(std::string(4000, 'a'));
  output.append(std::string(96, 'b'));
  EXPECT_EQ(output.text().size(), 4096U);
  output.append("c");
  EXPECT_EQ(output.text().size(), 4099U);
  EXPECT_TRUE(output.text().ends_with("b..."));
}

TEST(Health, ShowsDurationsAsGo) {
  EXPECT_EQ(show_duration(0), "0s");
  EXPECT_EQ(show_duration(1'500), "1.5µs");
  EXPECT_EQ(show_duration(700'000'000), "700ms");
  EXPECT_EQ(show_duration(1'500'000'000), "1.5s");
  EXPECT_EQ(show_duration(90 * kOneSecond), "1m30s");
  EXPECT_EQ(show_duration(3600 * kOneSecond), "1h0m0s");
}

TEST(Health, ActionsNeedACheck) {
  auto config = checked({"CMD", "x"});
  config.health_on_failure = "restart";
  EXPECT_NO_THROW(validate_health(config));
  config.health_on_failure = "reboot";
  EXPECT_THROW(validate_health(config), Error);
  config.health_on_failure = "kill";
  config.healthcheck->test = {"NONE"};
  EXPECT_THROW(validate_health(config), Error);
}

}  // namespace
}  // namespace gantry::containers
