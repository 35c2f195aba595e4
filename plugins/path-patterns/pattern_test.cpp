#include "path_patterns/pattern.hpp"

#include <gtest/gtest.h>

namespace gantry::path_patterns {
namespace {

TEST(MatchesPath, StarsStayInADirectory) {
  EXPECT_TRUE(matches_path("a.txt", "*.txt"));
  EXPECT_TRUE(matches_path("d/a.txt", "d/*.t?t"));
  EXPECT_TRUE(matches_path("abc", "a[b-d]c"));
  EXPECT_TRUE(matches_path("a*c", "a\\*c"));
  EXPECT_FALSE(matches_path("d/a.txt", "*.txt"));
  EXPECT_FALSE(matches_path("abc", "a[^b]c"));
  EXPECT_FALSE(matches_path("abc", "a[b"));
}

TEST(MatchesPath, TakesNoExponentialTime) {
  EXPECT_FALSE(matches_path(std::string(2000, 'a'), "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"));
}

TEST(IgnorePatterns, TheLastRuleThatMatchesDecides) {
  const auto patterns = IgnorePatterns::parse("# comment\n*.log\nsub/*\n!sub/keep\n**/deep\nall/**\n/rooted\n");
  for (const char* path : {"x.log", "sub/a", "sub/a/b", "deep", "k/deep", "k/deep/f", "all/x", "all/x/y", "rooted"}) {
    EXPECT_TRUE(patterns.matches(path)) << path;
  }
  for (const char* path : {"d/x.log", "sub", "sub/keep", "sub/keep/x", "k/deeper", "all", "d/rooted"}) {
    EXPECT_FALSE(patterns.matches(path)) << path;
  }
}

TEST(IgnorePatterns, SaysWhetherAnythingIsTakenBack) {
  EXPECT_TRUE(IgnorePatterns::parse("*\n!a\n").takes_back());
  EXPECT_FALSE(IgnorePatterns::parse("*\n").takes_back());
  EXPECT_TRUE(IgnorePatterns::parse("\n#x\n").empty());
}

TEST(CleanInRoot, NeverLeavesTheRoot) {
  EXPECT_EQ(clean_in_root("/a//./b/../c/"), "a/c");
  EXPECT_EQ(clean_in_root("../../x"), "x");
  EXPECT_EQ(clean_in_root("/"), "");
}

}  // namespace
}  // namespace gantry::path_patterns
