#include "environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::dockerfile {
namespace {

using ::testing::ElementsAre;

TEST(Environment, TakesTheFirstOfAName) {
  std::vector<std::string> lines{"A=1", "B", "A=2", "C="};
  const Environment env{lines};
  EXPECT_EQ(env.find("A"), "1");
  EXPECT_EQ(env.find("B"), std::nullopt);
  EXPECT_EQ(env.find("C"), "");
  EXPECT_EQ(env.find("D"), std::nullopt);
}

TEST(Environment, SetsWhereItIsOrBehindTheRest) {
  std::vector<std::string> lines{"A=1", "B=2"};
  Environment env{lines};
  env.set("A", "3");
  env.set("C", "4");
  env.set("C", "5");
  EXPECT_THAT(lines, ElementsAre("A=3", "B=2", "C=5"));
  EXPECT_EQ(env.find("C"), "5");
}

TEST(Environment, LearnsWhatOthersHaveChanged) {
  std::vector<std::string> lines{"A=1"};
  Environment env{lines};
  lines = {"B=2"};
  env.refresh();
  EXPECT_FALSE(env.has("A"));
  EXPECT_EQ(env.find("B"), "2");
}

}  // namespace
}  // namespace gantry::dockerfile
