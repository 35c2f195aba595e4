#include "volumes/filter.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::volumes {
namespace {

Volume volume(const std::string& name, std::map<std::string, std::string> labels = {}) {
  Volume out;
  out.name = name;
  out.driver = "local";
  out.labels = std::move(labels);
  return out;
}

std::string failure_of(const Filters& filters) {
  try {
    list_filter(filters, {});
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(VolumeFilter, ListsWhatMatches) {
  const auto used = [](const Volume& candidate) { return candidate.name == "used"; };
  EXPECT_TRUE(list_filter({}, used)(volume("any")));
  EXPECT_TRUE(list_filter({{"name", {"an", "zz"}}}, used)(volume("any")));
  EXPECT_FALSE(list_filter({{"name", {"^n"}}}, used)(volume("any")));
  EXPECT_TRUE(list_filter({{"dangling", {"true"}}}, used)(volume("any")));
  EXPECT_FALSE(list_filter({{"dangling", {"1"}}}, used)(volume("used")));
  EXPECT_TRUE(list_filter({{"dangling", {"false"}}}, used)(volume("used")));
  EXPECT_FALSE(list_filter({{"driver", {"other"}}}, used)(volume("any")));
  EXPECT_TRUE(list_filter({{"label", {"a", "b=1"}}}, used)(volume("any", {{"a", "x"}, {"b", "1"}})));
  EXPECT_FALSE(list_filter({{"label", {"b=2"}}}, used)(volume("any", {{"b", "1"}})));
}

TEST(VolumeFilter, RefusesInDockersWords) {
  EXPECT_EQ(failure_of({{"foo", {"x"}}}), "invalid filter 'foo'");
  EXPECT_EQ(failure_of({{"dangling", {"x"}}}), "invalid filter 'dangling=[x]'");
}

TEST(VolumeFilter, PrunesAnonymousOnesUnlessAllAreWanted) {
  const Volume named = volume("named");
  const Volume anonymous = volume("0123", {{kAnonymousLabel, ""}});
  EXPECT_FALSE(prune_filter({}, true)(named));
  EXPECT_TRUE(prune_filter({}, true)(anonymous));
  EXPECT_TRUE(prune_filter({}, false)(named));
  EXPECT_TRUE(prune_filter({{"all", {"true"}}}, true)(named));
  EXPECT_FALSE(prune_filter({{"label!", {kAnonymousLabel}}}, true)(anonymous));
  EXPECT_THROW(prune_filter({{"all", {"x"}}}, true), Error);
}

}  // namespace
}  // namespace gantry::volumes
