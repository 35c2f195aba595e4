#include "events/filter.hpp"

#include <gtest/gtest.h>

namespace gantry::events {
namespace {

const Event kStart{"container", "start", "abcdef", {{"name", "web"}, {"image", "busybox:1"}, {"team", "red"}}, 1};
const Event kExec{"container", "exec_start: sh -c x", "abcdef", {}, 1};
const Event kPull{"image", "pull", "busybox:1", {{"name", "busybox"}}, 1};

using Wanted = std::map<std::string, std::vector<std::string>>;
bool wants(const Wanted& wanted, const Event& event) { return make_filter(wanted)(event); }

TEST(EventFilter, MatchesAnyValueOfEveryName) {
  EXPECT_TRUE(wants({}, kStart));
  EXPECT_TRUE(wants({{"type", {"image", "container"}}}, kStart));
  EXPECT_FALSE(wants({{"type", {"image"}}}, kStart));
  EXPECT_FALSE(wants({{"type", {"container"}}, {"event", {"die"}}}, kStart));
  EXPECT_TRUE(wants({{"event", {"exec_start"}}}, kExec));
  EXPECT_TRUE(wants({{"scope", {"local"}}}, kStart));
  EXPECT_FALSE(wants({{"scope", {"swarm"}}}, kStart));
}

TEST(EventFilter, KnowsObjectsByTheStartOfNameAndId) {
  EXPECT_TRUE(wants({{"container", {"web"}}}, kStart));
  EXPECT_TRUE(wants({{"container", {"abc"}}}, kStart));
  EXPECT_TRUE(wants({{"container", {"we"}}}, kStart));
  EXPECT_TRUE(wants({{"container", {""}}}, kStart));
  EXPECT_FALSE(wants({{"container", {"eb"}}}, kStart));
  EXPECT_FALSE(wants({{"network", {"bridge"}}}, kStart));
  EXPECT_FALSE(wants({{"node", {"x"}}}, kStart));
}

TEST(EventFilter, KnowsImagesWithAndWithoutTag) {
  EXPECT_TRUE(wants({{"image", {"busybox"}}}, kStart));
  EXPECT_TRUE(wants({{"image", {"busybox:1"}}}, kStart));
  EXPECT_TRUE(wants({{"image", {"busybox"}}}, kPull));
  EXPECT_FALSE(wants({{"image", {"debian"}}}, kPull));
}

TEST(EventFilter, WantsAllLabels) {
  EXPECT_TRUE(wants({{"label", {"team"}}}, kStart));
  EXPECT_TRUE(wants({{"label", {"team=red"}}}, kStart));
  EXPECT_FALSE(wants({{"label", {"team=red", "other"}}}, kStart));
  EXPECT_FALSE(wants({{"label", {"team=blue"}}}, kStart));
}

}  // namespace
}  // namespace gantry::events
