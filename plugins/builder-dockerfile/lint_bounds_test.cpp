#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

#include "drivers/silent_call.hpp"
#include "lint.hpp"
#include "repeated_text.hpp"

// What a stranger's recipe may cost. Each of these took minutes, or gigabytes, before there were bounds.
namespace gantry::dockerfile {
namespace {

using conformance::SilentCall;
using ::testing::HasSubstr;

Findings checked(const std::string& text, const Call& call = SilentCall{}) {
  const Recipe recipe = parse_recipe(text, "Dockerfile");
  Arguments arguments{builder::v1::Request{}};
  for (const Instruction& instruction : recipe.arguments) {
    for (const auto& [name, value] : std::get<Arg>(instruction.what).defaults) arguments.declare_global(name, value);
  }
  std::set<std::size_t> stages;
  for (std::size_t at = 0; at < recipe.stages.size(); ++at) stages.insert(at);
  const auto ignored = path_patterns::IgnorePatterns::parse("");
  const BaseConfig base = [](const std::string&, const std::string&) { return std::nullopt; };
  return lint({recipe, arguments, stages, ignored, base, parse_check(recipe.check), call});
}

std::int64_t most_memory_in_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(LintBounds, StagesShareTheVariablesOfTheOneBelow) {
  constexpr std::int64_t kGibibyte = 1 << 20;
  const std::int64_t before = most_memory_in_kib();
  const Findings findings = checked("FROM scratch AS a\n" + numbered("ENV v", "=1\n", 8000) +
                                    repeated("FROM a\n", 20'000) + "FROM a\nUSER $v7999$w\n");
  EXPECT_TRUE(findings.whole);
  ASSERT_EQ(findings.list.size(), 1);
  EXPECT_THAT(findings.list.front().text, HasSubstr("'$w'"));
  EXPECT_LT(most_memory_in_kib() - before, kGibibyte);
}

TEST(LintBounds, AWordCostsTheSameHoweverManyVariablesThereAre) {
  const Findings findings =
      checked("FROM scratch\n" + numbered("ARG a", "=1\n", 5000) + numbered("ENV e", "=1\n", 5000) +
              repeated("LABEL x=$a4999 y=$e4999\n", 5000) + "USER $x\n");
  EXPECT_TRUE(findings.whole);
  EXPECT_EQ(findings.list.size(), 1);
}

TEST(LintBounds, EndsWhereStagesAreOnTopOfEachOther) {
  std::string text = "FROM scratch AS s0\nENV low=1\n";
  for (int at = 1; at < 5000; ++at) {
    text += "FROM s" + std::to_string(at - 1) + " AS s" + std::to_string(at) + "\nENV v=$low$low$low$low\n";
  }
  EXPECT_FALSE(checked(text).whole);
}

TEST(LintBounds, EndsWhereEachStageSetsOffManyTriggers) {
  EXPECT_FALSE(checked("FROM scratch AS a\n" + repeated("ONBUILD USER me\n", 5000) + repeated("FROM a\n", 5000)).whole);
}

TEST(LintBounds, EndsWhereVariablesAreMadeOfVariables) {
  const std::string ten = repeated("$a", 10);
  EXPECT_FALSE(checked("FROM scratch\nENV a=0123456789\n" + repeated("ENV a=" + ten + "\n", 5) +
                       numbered("ENV b", "=$a\n", 1000))
                   .whole);
}

TEST(LintBounds, DoesNotLookAllThroughAHugeDirectiveForEachFinding) {
  EXPECT_FALSE(
      checked("# check=skip=x" + repeated(",x", 50'000) + "\nFROM scratch\n" + repeated("ENV a b\n", 5000)).whole);
}

TEST(LintBounds, GuessesWhatWasMeantAHundredTimes) {
  const Findings findings = checked(numbered("ARG abc", "\n", 300) + numbered("FROM x:$abc", "x\n", 300));
  const auto guesses = std::count_if(findings.list.begin(), findings.list.end(), [](const Finding& finding) {
    return finding.text.find("did you mean") != std::string::npos;
  });
  EXPECT_EQ(guesses, 100);
}

TEST(LintBounds, EndsWhenNobodyWantsItAnyMore) {
  try {
    checked("FROM scratch\nUSER $a\n", SilentCall{true});
    FAIL() << "it went on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
}

}  // namespace
}  // namespace gantry::dockerfile
