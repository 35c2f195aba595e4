#include "lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drivers/silent_call.hpp"
#include "image_name.hpp"

namespace gantry::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What there is beside the recipe.
struct Around {
  std::string ignored{};
  std::optional<builder::v1::Config> base{};
  std::optional<std::set<std::size_t>> stages{};  ///< None: all.
  std::vector<std::pair<std::string, std::optional<std::string>>> given{};
  bool cancelled{};
};

Findings all_found_in(const std::string& text, const Around& around = {}) {
  const Recipe recipe = parse_recipe(text, "Dockerfile");
  builder::v1::Request request;
  request.arguments = around.given;
  Arguments arguments{request};
  for (const Instruction& instruction : recipe.arguments) {
    for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) arguments.declare_global(name, value);
  }
  std::set<std::size_t> stages;
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) stages.insert(at);
  const auto ignored = path_patterns::IgnorePatterns::parse(around.ignored);
  const BaseConfig base = [&](const std::string&, const std::string&) { return around.base; };
  const conformance::SilentCall call{around.cancelled};
  return lint({recipe, arguments, around.stages.value_or(stages), ignored, base, parse_check(recipe.check), call});
}

std::vector<Finding> found_in(const std::string& text, const Around& around = {}) {
  return all_found_in(text, around).list;
}

std::vector<std::string> findings(const std::string& text, const Around& around = {}) {
  std::vector<std::string> out;
  for (const Finding& finding : found_in(text, around)) {
    out.push_back(finding.rule + "@" + std::to_string(finding.line));
  }
  return out;
}

std::vector<std::string> texts(const std::string& text, const Around& around = {}) {
  std::vector<std::string> out;
  for (const Finding& finding : found_in(text, around)) out.push_back(finding.text);
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
  EXPECT_THAT(findings("FROM --platform=linux/arm64 busybox AS a\nFROM --platform=$TARGETPLATFORM busybox AS a\n"
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
  EXPECT_THAT(texts("ARG TAG=1\nFROM a:x$TAGG-x\n"),
              ElementsAre("FROM argument 'TAGG' is not declared (did you mean TAG?)"));
  EXPECT_THAT(texts("FROM --platform=$BULIDPLATFORM scratch\n"),
              ElementsAre("FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)"));
}

TEST(Lint, TakesTheUsersValuesForWhatTheyAre) {
  EXPECT_THAT(findings("ARG VERSION\nFROM busybox:$VERSION\n", {.given = {{"VERSION", "latest"}}}),
              ElementsAre("InvalidDefaultArgInFrom@2"));
  EXPECT_THAT(findings("ARG SUFFIX\nFROM busybox:stable${SUFFIX}\n"), IsEmpty());
  EXPECT_THAT(findings("ARG PART=box:\nFROM busy$PART\n"), ElementsAre("InvalidDefaultArgInFrom@2"));
}

TEST(Lint, LooksAtPorts) {
  EXPECT_THAT(findings("FROM scratch\nARG p=UDP\nEXPOSE 80/tcp 80/$p\nEXPOSE 81/tcp\nEXPOSE 1.2.3.4:80:80\n"),
              ElementsAre("ExposeProtoCasing@3", "ExposeInvalidFormat@5"));
}

TEST(Lint, FindsVariablesThatNobodyHasSet) {
  EXPECT_THAT(texts("FROM scratch\nARG DIR_ASSETS=assets/\nCOPY $DIR_ASSET .\nCOPY $FOO .\n"),
              ElementsAre("Usage of undefined variable '$DIR_ASSET' (did you mean $DIR_ASSETS?)",
                          "Usage of undefined variable '$FOO'"));
  EXPECT_THAT(texts("FROM scratch\nENV PATH=$PAHT:/bin\n"),
              ElementsAre("Usage of undefined variable '$PAHT' (did you mean $PATH?)"));
  EXPECT_THAT(findings("FROM scratch\nCOPY $foo .\nARG foo=bar\nRUN echo $foo $bar\nCOPY $foo .\n"),
              ElementsAre("UndefinedVar@2"));
  EXPECT_THAT(findings("FROM scratch AS base\nARG foo\nENV bar=x\nFROM base\nCOPY $foo $bar$TARGETARCH\n"),
              ElementsAre("UndefinedVar@5"));
  EXPECT_THAT(findings("FROM scratch\nCOPY <<A <<'B' /\n$one\nA\n$two\nB\nENV a=b\nUSER $A\nVOLUME ${B:-x}\n"),
              ElementsAre("UndefinedVar@2", "UndefinedVar@8", "UndefinedVar@9"));
  EXPECT_THAT(findings("FROM scratch\nARG a=$b\n", {.given = {{"a", "c"}}}), IsEmpty());
}

TEST(Lint, AsksTheImageBelowForItsVariables) {
  const std::string recipe = "FROM busybox AS one\nENV two=$three\nFROM one\nUSER $two$one$four\n";
  EXPECT_THAT(findings(recipe), IsEmpty());
  builder::v1::Config config;
  config.env = {"one=1", "fours=4"};
  EXPECT_THAT(texts(recipe, {.base = config}),
              ElementsAre("Usage of undefined variable '$three'",
                          "Usage of undefined variable '$four' (did you mean $fours?)"));
  config.on_build = {"ARG three"};
  EXPECT_THAT(texts(recipe, {.base = config}), IsEmpty());
}

TEST(Lint, LooksAtTheStepsOfStagesThatAreWanted) {
  const std::string recipe = "FROM scratch AS A\nENV b c\nFROM scratch\nENV d e\n";
  EXPECT_THAT(findings(recipe), ElementsAre("StageNameCasing@1", "LegacyKeyValueFormat@2", "LegacyKeyValueFormat@4"));
  EXPECT_THAT(findings(recipe, {.stages = std::set<std::size_t>{1}}),
              ElementsAre("StageNameCasing@1", "LegacyKeyValueFormat@4"));
}

TEST(Lint, GoesByWhatTheStageBelowHasDone) {
  EXPECT_THAT(findings("FROM scratch AS a\nSHELL [\"sh\"]\nWORKDIR /a\nFROM a\nWORKDIR b\nCMD x\n"), IsEmpty());
  EXPECT_THAT(findings("FROM scratch\nARG d=/x\nWORKDIR $d\n"), IsEmpty());
  EXPECT_THAT(texts("FROM scratch\nARG d=x\nWORKDIR $d\nWORKDIR y\n"),
              ElementsAre("Relative workdir \"x\" can have unexpected results if the base image changes"));
  EXPECT_THAT(findings("FROM scratch AS a\nONBUILD CMD x\nFROM a\nCMD [\"y\"]\n"),
              ElementsAre("JSONArgsRecommended@3", "MultipleInstructionsDisallowed@3"));
}

TEST(Lint, LooksAtCasesAsBuildKitDoes) {
  EXPECT_THAT(findings("From scratch as a\nFROM scratch AS b\n"), ElementsAre("ConsistentInstructionCasing@1"));
  EXPECT_THAT(findings("FROM scratch As b\n"), ElementsAre("FromAsCasing@1"));
  // An ARG before the first FROM does not count.
  EXPECT_THAT(findings("arg a\narg b\nFROM scratch\n"), IsEmpty());
  EXPECT_THAT(
      texts("FROM scratch AS Context\nFROM scratch AS A\nFROM scratch AS a\n"),
      ElementsAre("Stage name 'Context' should be lowercase",
                  "Stage name should not use the same name as reserved stage \"context\"",
                  "Stage name 'A' should be lowercase", "Duplicate stage name \"a\", stage names should be unique"));
  EXPECT_THAT(findings("FROM --platform=linux/amd64 scratch AS my_amd64\nFROM --platform=linux/amd64 scratch\n"),
              ElementsAre("FromPlatformFlagConstDisallowed@2"));
}

TEST(Lint, FindsEmptyLinesWithinAnInstruction) {
  EXPECT_THAT(findings("FROM scratch\nCOPY a \\\n\nb\nCOPY a \\\nb\n"), ElementsAre("NoEmptyContinuation@4"));
}

TEST(Lint, KnowsWhatSoundsSecret) {
  EXPECT_THAT(findings("FROM scratch\nARG SECRET_x\nENV super_duper_token=a auth=b\nENV TOKEN_FILE=a KEY_VERSION=b\n"
                       "ARG public_token\n"),
              ElementsAre("SecretsUsedInArgOrEnv@2", "SecretsUsedInArgOrEnv@3", "SecretsUsedInArgOrEnv@3"));
}

TEST(Lint, HasRulesOnTrialForThoseWhoAskForThem) {
  const std::string recipe = "FROM scratch\nCOPY a/b .\nADD c /\nCOPY --from=x c /\n";
  EXPECT_THAT(findings(recipe, {.ignored = "a\nc\n"}), IsEmpty());
  EXPECT_THAT(texts("# check=skip=all;experimental=CopyIgnoredFile\n" + recipe, {.ignored = "a\nc\n"}),
              ElementsAre("Attempting to Copy file \"a/b\" that is excluded by .dockerignore",
                          "Attempting to Add file \"c\" that is excluded by .dockerignore"));
  EXPECT_THAT(findings("# check=experimental=all\n" + recipe, {.ignored = "a\nc\n!a/b\n"}), IsEmpty());
  EXPECT_THAT(texts("# check=experimental=InvalidDefinitionDescription\n# bar is it\nARG foo=bar\n# BasE is it\n"
                    "FROM scratch AS base\n# bad\nARG foo=baz bar=qux\n# apart\n\nARG x\n# apart\n#\nARG y\n"
                    "# z is it\nARG z\n# of something else\nCOPY a b\n"),
              ElementsAre("Comment for ARG should follow the format: `# foo <description>`",
                          "Comment for FROM should follow the format: `# base <description>`",
                          "Comment for ARG should follow the format: `# <arg_key> <description>`"));
}

TEST(Lint, IsToldByACommentWhatToLeaveOut) {
  EXPECT_THAT(findings("FROM scratch\n# check=skip=MaintainerDeprecated\nMAINTAINER me\nMAINTAINER me\n"),
              ElementsAre("MaintainerDeprecated@4"));
}

TEST(Lint, ObeysTheRecipesOwnDirective) {
  EXPECT_THAT(findings("# check=skip=MaintainerDeprecated\nFROM busybox\nMAINTAINER me\nCMD x\n"),
              ElementsAre("JSONArgsRecommended@4"));
  EXPECT_THAT(findings("# check=skip=all;error=true\nFROM busybox\nMAINTAINER me\n"), IsEmpty());
  EXPECT_TRUE(parse_check("skip=A, B ; error=true").error);
  EXPECT_THAT(parse_check("skip=A, B").skip, ElementsAre("A", "B"));
  EXPECT_TRUE(parse_check("error=1").error);
  EXPECT_THROW(parse_check("bogus=1"), Error);
  EXPECT_THROW(parse_check("skip"), Error);
  EXPECT_THROW(parse_check("error=yes"), Error);
}

TEST(Lint, KnowsTheNamesOfImages) {
  for (const char* name :
       {"busybox", "a/b-c__d.e:1.0", "localhost:5000/x", "Host/x", "h.i/x@sha256:0123456789abcdef0123456789abcdef"}) {
    EXPECT_TRUE(is_image_name(name)) << name;
  }
  for (const char* name : {"", "busybox:", "Base", "a//b", "a..b", "a-", ":x", "a:-x", "a@sha256:12", "h:x/y", "a/"}) {
    EXPECT_FALSE(is_image_name(name)) << name;
  }
}

TEST(Lint, IsShownWithTheLine) {
  EXPECT_EQ(show_finding({"Rule", "what is wrong", 7, 8}), "Rule: what is wrong (line 7)");
  EXPECT_EQ(explain_finding({"JSONArgsRecommended", "what is wrong", 7, 8}),
            "WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
            "what is wrong\n");
}

}  // namespace
}  // namespace gantry::dockerfile
