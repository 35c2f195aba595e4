#include "lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gantry::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> findings(const std::string& text) {
  std::vector<std::string> out;
  for (const Finding& finding : lint(parse_recipe(text, "Dockerfile"))) {
    out.push_back(finding.rule + "@" + std::to_string(finding.line));
  }
  return out;
}

TEST(Lint, FindsNothingInARecipeThatIsAsItShouldBe) {
  EXPECT_THAT(findings("ARG base=busybox\nFROM $base AS one\nWORKDIR /a\nWORKDIR b\nENV c=d\nLABEL e=f\nRUN true\n"
                       "CMD [\"x\"]\nFROM one\nCMD [\"y\"]\n"),
              IsEmpty());
}

TEST(Lint, NamesEachRuleWithItsLine) {
  EXPECT_THAT(findings("FROM busybox as Up\nMAINTAINER me\nWORKDIR rel\nENV a b\nCMD x\nCMD [\"y\"]\n"),
              ElementsAre("StageNameCasing@1", "FromAsCasing@1", "MaintainerDeprecated@2", "WorkdirRelativePath@3",
                          "LegacyKeyValueFormat@4", "JSONArgsRecommended@5", "MultipleInstructionsDisallowed@5"));
  EXPECT_THAT(findings("FROM --platform=linux/amd64 busybox AS a\nFROM --platform=$TARGETPLATFORM busybox AS a\n"
                       "FROM busybox AS scratch\n"),
              ElementsAre("FromPlatformFlagConstDisallowed@1", "DuplicateStageName@2", "RedundantTargetPlatform@2",
                          "ReservedStageName@3"));
  EXPECT_THAT(findings("FROM busybox\nARG API_TOKEN\nENV PUBLIC_KEY=x MONKEY=y\nrun true\n"),
              ElementsAre("SecretsUsedInArgOrEnv@2", "ConsistentInstructionCasing@4"));
}

TEST(Lint, LooksAtWhatFromMakesOfArguments) {
  EXPECT_THAT(findings("ARG BASE\nARG TAG=latest\nFROM $BASE\nFROM busybox:$TAG\nFROM busybox:$TAGG\n"
                       "FROM ${NONE:-busybox}\nFROM --platform=$BUILDPLATFORM $TAG\n"),
              ElementsAre("InvalidDefaultArgInFrom@3", "UndefinedArgInFrom@5", "InvalidDefaultArgInFrom@5",
                          "UndefinedArgInFrom@6"));
  const auto found = lint(parse_recipe("ARG TAG=1\nFROM a:$TAGG-x\n", "Dockerfile"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().text, "FROM argument 'TAGG' is not declared (did you mean TAG?)");
}

TEST(Lint, LooksAtPorts) {
  EXPECT_THAT(findings("FROM busybox\nEXPOSE 80/tcp 80/$p\nEXPOSE 81/TCP\nEXPOSE 1.2.3.4:80:80\n"),
              ElementsAre("ExposeProtoCasing@3", "ExposeInvalidFormat@4"));
}

TEST(Lint, ObeysTheRecipesOwnDirective) {
  EXPECT_THAT(findings("# check=skip=MaintainerDeprecated\nFROM busybox\nMAINTAINER me\nCMD x\n"),
              ElementsAre("JSONArgsRecommended@4"));
  EXPECT_THAT(findings("# check=skip=all;error=true\nFROM busybox\nMAINTAINER me\n"), IsEmpty());
  EXPECT_TRUE(parse_check("skip=A, B ; error=true").error);
  EXPECT_THAT(parse_check("skip=A, B").skip, ElementsAre("A", "B"));
  EXPECT_THROW(parse_check("bogus=1"), Error);
}

TEST(Lint, IsShownWithTheLine) {
  EXPECT_EQ(show_finding({"Rule", "what is wrong", 7}), "Rule: what is wrong (line 7)");
}

}  // namespace
}  // namespace gantry::dockerfile
