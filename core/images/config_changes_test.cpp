#include "images/config_changes.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::images {
namespace {

std::int64_t interval(const std::string& text) {
  ImageConfig config;
  apply_changes(config, {"HEALTHCHECK --interval=" + text + " CMD true"});
  return config.healthcheck->interval;
}

std::string refusal_of(const std::string& text) {
  try {
    interval(text);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(ConfigChanges, TimesAreAsGoReadsThem) {
  EXPECT_EQ(interval("1m30s"), 90'000'000'000);
  EXPECT_EQ(interval("1.5h"), 5'400'000'000'000);
  EXPECT_EQ(interval("+.5s"), 500'000'000);
  EXPECT_EQ(interval("5.s"), 5'000'000'000);
  EXPECT_EQ(interval("0"), 0);
  EXPECT_EQ(interval(""), 0);
}

TEST(ConfigChanges, WhatIsNoTimeIsRefused) {
  for (const char* text : {"infs", "nans", ".", "-", "1..5s", "99999999999h"}) {
    EXPECT_EQ(refusal_of(text), "time: invalid duration \"" + std::string(text) + "\"");
  }
  EXPECT_EQ(refusal_of("1e300h"), "time: unknown unit \"e\" in duration \"1e300h\"");
  EXPECT_EQ(refusal_of("1"), "time: missing unit in duration \"1\"");
  EXPECT_EQ(refusal_of("-5s"), "Interval \"interval\" cannot be less than 1ms");
  EXPECT_EQ(refusal_of("0.5ms"), "Interval \"interval\" cannot be less than 1ms");
}

TEST(ConfigChanges, AreTheLinesOfADockerfile) {
  ImageConfig config;
  apply_changes(config, {"# what it runs\nCMD [\"a\"]\n\nENV X=y \\\n    Z=w\n", "LABEL q=r"});
  EXPECT_EQ(config.cmd, std::vector<std::string>{"a"});
  EXPECT_EQ(config.env, (std::vector<std::string>{"X=y", "Z=w"}));
  EXPECT_EQ(config.labels.at("q"), "r");
  EXPECT_THROW(apply_changes(config, {"\n# nothing\n"}), Error);
}

}  // namespace
}  // namespace gantry::images
