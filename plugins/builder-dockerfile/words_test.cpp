#include "words.hpp"

#include <gtest/gtest.h>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

const Variables kVariables = [](std::string_view name) -> std::optional<std::string> {
  if (name == "A") return "abcabc";
  if (name == "B") return "two words";
  if (name == "EMPTY") return "";
  return {};
};

std::string expanded(std::string_view word) { return expand(word, '\\', kVariables); }

TEST(Words, ReplacesVariables) {
  EXPECT_EQ(expanded("$A-${A}"), "abcabc-abcabc");
  EXPECT_EQ(expanded("${NO:-x}${EMPTY:-y}${EMPTY-z}${NO-w}"), "xyw");
  EXPECT_EQ(expanded("${A:+x}${EMPTY:+y}${EMPTY+z}${NO+w}"), "xz");
  EXPECT_EQ(expanded("${NO:-${NO:-$A}}"), "abcabc");
  EXPECT_EQ(expanded("$NO$"), "$");
}

TEST(Words, CutsAndReplacesByPattern) {
  EXPECT_EQ(expanded("${A#a} ${A##*b} ${A%c} ${A%%b*}"), "bcabc c abcab a");
  EXPECT_EQ(expanded("${A/b/X} ${A//b/X} ${A/?c/Y}"), "aXcabc aXcaXc aYabc");
  EXPECT_EQ(expanded("${A#\\*}"), "abcabc");
}

TEST(Words, ObeysQuotes) {
  EXPECT_EQ(expanded("'$A' \"$A\" \\$A"), "$A abcabc $A");
  EXPECT_EQ(expanded("\"a\\b \\\"\""), "a\\b \"");
  EXPECT_EQ(expand("`$A C:\\d", '`', kVariables), "$A C:\\d");
}

TEST(Words, SplitsAtBlanksOutsideOfQuotes) {
  EXPECT_EQ(expand_words("x $B \"$B\" ''", '\\', kVariables),
            (std::vector<std::string>{"x", "two", "words", "two words", ""}));
  EXPECT_EQ(quoted_words("a=\"b c\" d\\ e 'f", '\\'), (std::vector<std::string>{"a=\"b c\"", "d\\ e", "'f"}));
}

TEST(Words, LeavesQuotesOfHereDocuments) {
  EXPECT_EQ(expand_raw("'$A' \"x\" \\$A \\n", '\\', kVariables), "'abcabc' \"x\" $A \\n");
}

TEST(Words, SaysWhatIsWrongAsDockerdDoes) {
  const auto error_of = [](std::string_view word) -> std::string {
    try {
      expanded(word);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of("${A^^}"), "failed to process \"${A^^}\": unsupported modifier (^) in substitution");
  EXPECT_EQ(error_of("\"a"),
            "failed to process \"\\\"a\": unexpected end of statement while looking for matching double-quote");
  EXPECT_EQ(error_of("${x:?oops}"), "failed to process \"${x:?oops}\": x: oops");
  EXPECT_NE(error_of("${NO:-" + std::string(1000, '$') + std::string(1000, '{')), "");
  std::string deep;
  for (int at = 0; at < 10'000; ++at) deep += "${NO:-";
  EXPECT_NE(error_of(deep), "");
}

TEST(Words, DoNotGrowWithoutEnd) {
  const std::string big(1000, 'x');
  const Variables variables = [&](std::string_view) { return std::optional{big}; };
  std::string word;
  for (int at = 0; at < 1000; ++at) word += "$a";
  EXPECT_EQ(expand(word, '\\', variables).size(), 1'000'000);
  for (int at = 0; at < 100; ++at) word += "$a";
  for (const std::string& each : {word, "\"" + word + "\"", "${b:+" + word + "}"}) {
    EXPECT_THROW(expand(each, '\\', variables), Error);
    EXPECT_THROW(expand_words(each, '\\', variables), Error);
    EXPECT_THROW(expand_raw(each, '\\', variables), Error);
  }
}

TEST(Words, DoNotCompareWithPatternsWithoutEnd) {
  const std::string big(20'000, 'x');
  const Variables variables = [&](std::string_view) { return std::optional{big}; };
  std::size_t cost = 0;
  for (const char* word : {"${a//*y*z/b}", "${a#*y*z}", "${a%%*y*z}"}) {
    EXPECT_THROW(expand(word, '\\', variables, &cost), Error) << word;
  }
  EXPECT_GT(cost, 3 * big.size());
}

}  // namespace
}  // namespace gantry::dockerfile
