#include "stage_graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/silent_call.hpp"

namespace gantry::dockerfile {
namespace {

using conformance::SilentCall;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Schedule::Dependencies needed_in(const std::string& text, const Call& call = SilentCall{}) {
  const Recipe recipe = parse_recipe(text, "Dockerfile");
  return needed_stages(recipe, Arguments{builder::v1::Request{}}, recipe.stages.size() - 1, call);
}

TEST(StageGraph, LeavesOutWhatNothingIsTakenFrom) {
  EXPECT_THAT(needed_in("FROM x AS a\nFROM x AS unused\nFROM a AS b\nFROM x\nCOPY --from=B y y\n"
                        "RUN --mount=from=0,target=/y true\n"),
              ElementsAre(Pair(0, IsEmpty()), Pair(2, ElementsAre(0)), Pair(3, ElementsAre(0, 2))));
}

TEST(StageGraph, TakesTheLastOfANameBeforeTheStage) {
  EXPECT_THAT(needed_in("FROM x AS a\nFROM a AS a\nFROM a\nCOPY --from=c y y\n"),
              ElementsAre(Pair(0, IsEmpty()), Pair(1, ElementsAre(0)), Pair(2, ElementsAre(1))));
}

TEST(StageGraph, KnowsWhatTriggersTakeFilesFrom) {
  EXPECT_THAT(needed_in("FROM x AS files\nFROM x AS base\nONBUILD COPY --from=files y y\nFROM base\n"),
              ElementsAre(Pair(0, IsEmpty()), Pair(1, IsEmpty()), Pair(2, ElementsAre(0, 1))));
}

TEST(StageGraph, GoesThroughAnyNumberOfStagesOnTopOfEachOther) {
  constexpr std::size_t kStages = 100'000;
  std::string text = "FROM scratch AS s0\n";
  for (std::size_t at = 1; at < kStages; ++at) {
    text += "FROM s" + std::to_string(at - 1) + " AS s" + std::to_string(at) + "\n";
  }
  EXPECT_EQ(needed_in(text).size(), kStages);
}

TEST(StageGraph, RefusesMoreTriggersThanAnybodyMeans) {
  std::string text = "FROM scratch AS s0\nFROM scratch AS base\n";
  for (int at = 0; at < 2000; ++at) text += "ONBUILD COPY --from=s0 a a\n";
  std::string end = "FROM scratch\n";
  for (int at = 0; at < 2000; ++at) {
    text += "FROM base AS t" + std::to_string(at) + "\n";
    end += "COPY --from=t" + std::to_string(at) + " a a\n";
  }
  EXPECT_THROW(needed_in(text + end), Error);
}

TEST(StageGraph, EndsWhenNobodyWantsItAnyMore) {
  try {
    needed_in("FROM scratch\n", SilentCall{true});
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
}

}  // namespace
}  // namespace gantry::dockerfile
