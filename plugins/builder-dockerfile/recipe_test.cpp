#include <gtest/gtest.h>

#include "instruction.hpp"

namespace gantry::dockerfile {
namespace {

Recipe parse(const std::string& text) { return parse_recipe(text, "Dockerfile"); }

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class What>
const What& only(const Recipe& recipe) {
  return std::get<What>(recipe.stages.back().instructions.front().what);
}

TEST(Recipe, JoinsLinesAndDropsCommentsBetweenThem) {
  const Recipe recipe = parse("FROM x\nRUN a \\\n  # no\n b \\\n\n c\n");
  EXPECT_EQ(recipe.stages[0].instructions[0].text, "RUN a  b  c");
  EXPECT_EQ(recipe.stages[0].instructions[0].line, 2U);
  ASSERT_EQ(recipe.warnings.size(), 2U);
  EXPECT_EQ(recipe.warnings[0], "[WARNING]: Empty continuation line found in: RUN a  b  c");
}

TEST(Recipe, ObeysTheEscapeDirective) {
  const Recipe recipe = parse("# Escape = `\nFROM x\nRUN a `\n b\\\n");
  EXPECT_EQ(recipe.escape, '`');
  EXPECT_EQ(recipe.stages[0].instructions[0].text, "RUN a  b\\");
  EXPECT_EQ(parse("# x\n# escape=`\nFROM x\n").escape, '\\') << "a comment before it ends the directives";
  EXPECT_EQ(error_of("# escape=x\nFROM x\n"),
            "failed to parse Dockerfile: invalid escape token 'x' does not match ` or \\");
}

TEST(Recipe, NamesStagesAndKeepsArgumentsBeforeThem) {
  const Recipe recipe = parse("ARG A=1\nFROM --platform=linux/amd64 x AS One\nFROM one\n");
  EXPECT_EQ(recipe.arguments.size(), 1U);
  EXPECT_EQ(recipe.stages[0].from.stage, "one");
  EXPECT_EQ(recipe.stages[0].from.platform, "linux/amd64");
  EXPECT_EQ(recipe.stages[1].from.base, "one");
}

TEST(Recipe, TakesBothFormsOfACommand) {
  EXPECT_EQ(only<Cmd>(parse("FROM x\nCMD [ \"a\", \"b c\" ]\n")).command.words, (std::vector<std::string>{"a", "b c"}));
  const Command shell = only<Cmd>(parse("FROM x\nCMD [ 'a' ]\n")).command;
  EXPECT_TRUE(shell.shell);
  EXPECT_EQ(shell.words, std::vector<std::string>{"[ 'a' ]"});
}

TEST(Recipe, TakesNoMoreMountsThanACommandCanWant) {
  const auto run = [](int mounts) {
    std::string text = "FROM x\nRUN";
    for (int at = 0; at < mounts; ++at) text += " --mount=type=tmpfs,target=/" + std::to_string(at);
    return text + " true\n";
  };
  EXPECT_EQ(only<dockerfile::Run>(parse(run(256))).mounts.size(), 256U);
  EXPECT_EQ(
      error_of(run(257)),
      "dockerfile parse error on line 2: RUN has 257 mounts, more than 256: mount a directory that has all of them "
      "in it");
}

TEST(Recipe, ReadsAnyNumberOfHereDocuments) {
  constexpr std::size_t kMany = 100'000;
  std::string text = "FROM x\nCOPY";
  std::string contents;
  for (std::size_t at = 0; at < kMany; ++at) {
    text += " <<a";
    contents += "a\n";
  }
  const auto copy = only<Copy>(parse(text + " b /\n" + contents));
  EXPECT_EQ(copy.heredocs.size(), kMany);
  EXPECT_EQ(copy.sources, std::vector<std::string>{"b"});
}

TEST(Recipe, ReadsHereDocuments) {
  const auto run = only<dockerfile::Run>(parse("FROM x\nRUN <<-'EOF' cat\n\tbody $x\n\tEOF\n"));
  ASSERT_EQ(run.heredocs.size(), 1U);
  EXPECT_EQ(run.heredocs[0].content, "body $x\n");
  EXPECT_FALSE(run.heredocs[0].expand);
  EXPECT_TRUE(announced_heredocs("echo a<<b <<<c \"<<d\"").empty());
  EXPECT_EQ(error_of("FROM x\nRUN <<EOF\nnever ends\n"), "dockerfile parse error on line 2: unterminated heredoc");
}

TEST(Recipe, ReadsFlags) {
  const Copy copy = only<Copy>(parse("FROM x\nCOPY --from=a --chown=1:2 --exclude=*.o --exclude=b --link x y /z/\n"));
  EXPECT_EQ(copy.from, "a");
  EXPECT_EQ(copy.exclude.size(), 2U);
  EXPECT_EQ(copy.sources, (std::vector<std::string>{"x", "y"}));
  const auto run =
      only<dockerfile::Run>(parse("FROM x\nRUN --mount=type=cache,target=/c,sharing=locked,ro --network=none a\n"));
  EXPECT_EQ(run.mounts[0].sharing, "locked");
  EXPECT_EQ(run.mounts[0].read_only, true);
  EXPECT_EQ(run.network, "none");
  EXPECT_EQ(error_of("FROM x\nCOPY --frm=a b c\n"),
            "dockerfile parse error on line 2: unknown flag: frm (did you mean from?)");
}

TEST(Recipe, SaysWhatIsWrongAsDockerdDoes) {
  EXPECT_EQ(error_of("FRM x\n"), "dockerfile parse error on line 1: unknown instruction: FRM (did you mean FROM?)");
  EXPECT_EQ(error_of("RUN x\n"), "no build stage in current context");
  EXPECT_EQ(error_of("# only\n"), "failed to parse Dockerfile: file with no instructions");
  EXPECT_EQ(error_of("FROM x\nENV A\n"), "failed to parse Dockerfile: ENV must have two arguments");
  EXPECT_EQ(error_of("FROM x\nRUN [1]\n"),
            "failed to parse Dockerfile: when using JSON array syntax, arrays must be comprised of strings only");
  EXPECT_EQ(error_of("FROM x\nRUN --mount=type=x,target=/a b\n"),
            "dockerfile parse error on line 2: unsupported mount type \"x\"");
  EXPECT_EQ(error_of("FROM x\nRUN --mount=type=secret a\n"),
            "dockerfile parse error on line 2: invalid secret mount. one of source, target required");
}

TEST(Recipe, KeepsTheHereDocumentsOfTriggers) {
  EXPECT_EQ(only<OnBuild>(parse("FROM x\nONBUILD COPY <<A /b\nc\nA\n")).instruction, "COPY <<A /b\nc\nA");
  EXPECT_EQ(only<dockerfile::Run>(parse("FROM x\nRUN --mount=type=ssh,source=key a\n")).mounts[0].id, "key");
}

TEST(Recipe, TakesTimes) {
  EXPECT_EQ(parse_duration("1h2m3.5s"), 3'723'500'000'000);
  EXPECT_EQ(show_duration(90'000'000'000), "1m30s");
  EXPECT_EQ(show_duration(1'500'000), "1.5ms");
  EXPECT_THROW(parse_duration("5"), Error);
  EXPECT_THROW(parse_duration("x"), Error);
}

TEST(Recipe, TakesDeepJsonForText) { EXPECT_NO_THROW(parse("FROM x\nCMD " + std::string(100'000, '[') + "\n")); }

}  // namespace
}  // namespace gantry::dockerfile
