#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log_subject/attributes.hpp"
#include "log_subject/option_text.hpp"
#include "log_subject/tag.hpp"

namespace gantry::log_subject {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

log::v1::Subject subject() {
  log::v1::Subject out;
  out.id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  out.name = "web";
  out.image_id = "sha256:e7a9f88582086d232d113a574de17b318a0848484b4dd6f0015528dd71a75f86";
  out.image_name = "busybox";
  out.command = {"echo", "hi"};
  out.env = {"X=1", "XY=2", "A=b=c"};
  out.labels = {{"a", "1"}, {"b", "2"}};
  out.daemon_name = "docker";
  return out;
}

std::string refusal(const std::string& pattern) {
  try {
    return "taken: " + expand_tag(pattern, subject());
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Tag, SaysWhatDockerSays) {
  EXPECT_EQ(expand_tag("{{.ID}}|{{.Name}}|{{.ImageID}}|{{.ImageName}}|{{.DaemonName}}|{{.Command}}", subject()),
            "0123456789ab|web|sha256:e7a9f|busybox|docker|echo hi");
  EXPECT_EQ(expand_tag("{{.FullID}}", subject()), subject().id);
  EXPECT_EQ(expand_tag("{{upper .Name}} {{ .Name | upper | lower }}{{\"x\"}}", subject()), "WEB webx");
  EXPECT_EQ(expand_tag("{{index .ContainerLabels \"a\"}}-{{index .ContainerLabels \"no\"}}", subject()), "1-");
  EXPECT_EQ(expand_tag("{{truncate .Name 2}}", subject()), "we");
  EXPECT_EQ(expand_tag("a {{- .Name -}} x {{ .Name }} ", subject()), "awebx web ");
  EXPECT_EQ(tag_of(subject(), {}, "{{.Name}}"), "web");
  EXPECT_EQ(tag_of(subject(), {{"tag", "plain"}}, "{{.Name}}"), "plain");
}

TEST(Tag, IsRefusedInGosWords) {
  EXPECT_EQ(refusal("{{.Foo}}"),
            "template: log-tag:1:2: executing \"log-tag\" at <.Foo>: can't evaluate field Foo in type *logger.Info");
  EXPECT_EQ(refusal("{{"), "template: log-tag:1: unclosed action");
  EXPECT_EQ(refusal("{{foo}}"), "template: log-tag:1: function \"foo\" not defined");
  EXPECT_EQ(refusal("{{}}"), "template: log-tag:1: missing value for command");
}

TEST(Attributes, AreChosenByNameAndByExpression) {
  EXPECT_THAT(attributes_of(subject(), {{"labels", "a,no"}, {"env", "A"}}),
              ElementsAre(Pair("A", "b=c"), Pair("a", "1")));
  EXPECT_THAT(attributes_of(subject(), {{"labels-regex", "^b"}, {"env-regex", "^X"}}),
              ElementsAre(Pair("X", "1"), Pair("XY", "2"), Pair("b", "2")));
  EXPECT_TRUE(attributes_of(subject(), {}).empty());
  auto long_name = subject();
  long_name.labels = {{std::string(1 << 20, 'x'), "1"}};
  EXPECT_TRUE(attributes_of(long_name, {{"labels-regex", "x*"}}).empty()) << "and no stack was left";
}

TEST(Attributes, ExpressionsAreRefusedInGosWords) {
  const auto reason = [](const std::string& text) -> std::string {
    try {
      check_expressions({{"labels-regex", text}});
      return "taken";
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(reason("a(b"), "error parsing regexp: missing closing ): `a(b`");
  EXPECT_EQ(reason("a)"), "error parsing regexp: unexpected ): `a)`");
  EXPECT_EQ(reason("a[b"), "error parsing regexp: missing closing ]: `[b`");
  EXPECT_EQ(reason("*a"), "error parsing regexp: missing argument to repetition operator: `*`");
  EXPECT_EQ(reason("a\\"), "error parsing regexp: trailing backslash at end of expression: ``");
}

TEST(OptionText, SizesAreReadAsDockerReadsThem) {
  EXPECT_EQ(parse_size("10", 1000), 10U);
  EXPECT_EQ(parse_size("10m", 1000), 10'000'000U);
  EXPECT_EQ(parse_size("1.5k", 1024), 1536U);
  EXPECT_EQ(parse_size("2 GiB", 1024), std::uint64_t{2} << 30);
  for (const char* const wrong : {"", "x", "1x", "-1", "1kk", "1.2.3", "k"}) {
    EXPECT_THROW((void)parse_size(wrong, 1000), Error) << wrong;
  }
  EXPECT_TRUE(parse_truth("T"));
  EXPECT_FALSE(parse_truth("false"));
  EXPECT_THROW((void)parse_truth("yes"), Error);
  EXPECT_THROW((void)parse_count("1x"), Error);
}

}  // namespace
}  // namespace gantry::log_subject
