#include "build/cache_policy.hpp"

#include <gmock/gmock.h>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CacheEntry step(const std::string& id, const std::string& parent, Nanoseconds last_used, std::uint64_t size = 10) {
  CacheEntry entry;
  entry.id = id;
  entry.parent = parent;
  entry.type = "regular";
  entry.last_used = last_used;
  entry.size = size;
  return entry;
}

std::vector<std::string> order(const std::vector<CacheEntry>& entries, const CacheFilters& filters = {}) {
  std::vector<std::string> out;
  for (const CacheEntry* entry : removal_order(entries, CacheSelection{filters})) out.push_back(entry->id);
  return out;
}

std::string refusal(const CacheFilters& filters) {
  try {
    const CacheSelection selection{filters};
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST(CachePolicy, KeepsWhatItsLimitsSay) {
  EXPECT_EQ(kept_bytes({}, 100, 5), 0);
  EXPECT_EQ(kept_bytes({30, 0, 0}, 100, 5), 30);
  EXPECT_EQ(kept_bytes({0, 60, 0}, 100, 5), 60);
  EXPECT_EQ(kept_bytes({0, 0, 25}, 100, 5), 80) << "20 are missing";
  EXPECT_EQ(kept_bytes({0, 0, 25}, 100, 50), 100) << "enough is free";
  EXPECT_EQ(kept_bytes({90, 95, 25}, 100, 5), 90) << "what is reserved counts more";
  EXPECT_EQ(kept_bytes({10, 60, 25}, 100, 50), 60);
}

TEST(CachePolicy, TakesStepsFromTheirLastToTheirFirstAndTheOldestBuildBefore) {
  EXPECT_THAT(
      order({step("a", "base", 1), step("b", "a", 2), step("c", "b", 9), step("x", "base", 4), step("y", "x", 5)}),
      ElementsAre("y", "x", "c", "b", "a"));
}

TEST(CachePolicy, LeavesWhatSomethingNeedsAndWhatThatStandsOn) {
  std::vector<CacheEntry> entries{step("a", "base", 1), step("b", "a", 2), step("c", "b", 3), step("d", "a", 4)};
  entries[2].in_use = true;
  EXPECT_THAT(order(entries), ElementsAre("d"));
  entries[2].in_use = false;
  entries[1].shared = true;
  EXPECT_THAT(order(entries), ElementsAre("c", "d"));
}

TEST(CachePolicy, CountsOnlyWhatIsTheCachesOwn) {
  std::vector<CacheEntry> entries{step("a", "", 1, 100), step("b", "a", 2, 20)};
  entries[0].shared = true;
  EXPECT_EQ(cache_size(entries), 20);
}

TEST(CachePolicy, SelectsByFilters) {
  std::vector<CacheEntry> entries{step("sha256:aa", "base", now()), step("sha256:bb", "base", 1)};
  CacheEntry mount;
  mount.driver = "dockerfile";
  mount.id = "cc";
  mount.type = "exec.cachemount";
  entries.push_back(mount);
  EXPECT_THAT(order(entries, {{"type", {"exec.cachemount"}}}), ElementsAre("cc"));
  EXPECT_THAT(order(entries, {{"id", {"bb"}}}), ElementsAre("sha256:bb"));
  EXPECT_THAT(order(entries, {{"until", {"24h"}}, {"type", {"regular"}}}), ElementsAre("sha256:bb"));
  EXPECT_THAT(order(entries, {{"parent", {"base"}}, {"unused-for", {"1h"}}}), ElementsAre("sha256:bb"));
  EXPECT_THAT(order(entries, {{"inuse", {"true"}}}), IsEmpty());
  EXPECT_THAT(order(entries, {{"label", {"x", "y"}}, {"label!", {"z"}}, {"id", {"bb"}}}), ElementsAre("sha256:bb"))
      << "what has no labels";
}

TEST(CachePolicy, RefusesFiltersInDockerdsWords) {
  EXPECT_EQ(refusal({{"foo", {"1"}}}), "invalid filter 'foo'");
  EXPECT_EQ(refusal({{"type", {"a", "b"}}}), "filters expect only one value");
  EXPECT_EQ(refusal({{"until", {"1h"}}, {"unused-for", {"2h"}}}), "conflicting filters: \"until\" and \"unused-for\"");
  EXPECT_EQ(refusal({{"until", {"x"}}}),
            "\"until\" filter expects a duration (e.g., '24h') or a timestamp: failed to parse value as time or "
            "duration: \"x\"");
  EXPECT_EQ(refusal({{"until", {"24h"}}}), "none");
}

TEST(CachePolicy, HasDefaultsForTheDisk) {
  const auto rules = effective_rules({}, 50'000'000'000);
  ASSERT_EQ(rules.size(), 3U);
  EXPECT_EQ(rules[0].limits.max_used, 512'000'000);
  EXPECT_EQ(rules[2].limits.reserved, 5'000'000'000);
  EXPECT_EQ(rules[2].limits.max_used, 30'000'000'000);
  EXPECT_EQ(rules[2].limits.min_free, 10'000'000'000);
  EXPECT_EQ(effective_rules(default_rules({7, 0, 0}), 50'000'000'000)[2].limits.reserved, 7);
}

// No limits are not "keep nothing".
TEST(CachePolicy, HoldsARuleWithoutLimitsToTheDefaultOnes) {
  const auto rules = effective_rules({{{{"unused-for", {"2200h"}}}, {}}, {{}, {0, 9, 0}}}, 50'000'000'000);
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].limits, default_limits(50'000'000'000));
  EXPECT_EQ(rules[0].filters.count("unused-for"), 1U);
  EXPECT_EQ(rules[1].limits.max_used, 9);
  EXPECT_EQ(rules[1].limits.reserved, 0);
}

}  // namespace
}  // namespace gantry::build
