#include "command/flags.hpp"

#include <gtest/gtest.h>

#include "command/failure.hpp"

namespace gantry::cli {
namespace {

struct Example {
  bool interactive = false;
  bool tty = false;
  bool remove = false;
  std::string name;
  std::vector<std::string> publish;
  std::int64_t count = 0;
  Flags flags;

  Example() {
    flags.toggle("interactive,i", interactive, "Keep STDIN open")
        .toggle("tty,t", tty, "Allocate a pseudo-TTY")
        .toggle("rm", remove, "Remove")
        .text("name", name, "Assign a name")
        .list("publish,p", publish, "Publish")
        .integer("count,n", count, "Count");
  }

  std::vector<std::string> parse(const std::vector<std::string>& words, bool interspersed = false) {
    return flags.parse(words, interspersed);
  }

  std::string refusal(const std::vector<std::string>& words) {
    try {
      parse(words);
    } catch (const InvalidValue& error) {
      return error.what();
    }
    return "accepted";
  }
};

using Words = std::vector<std::string>;

TEST(Flags, TakeShortOnesTogetherAndValuesInEachForm) {
  Example example;
  EXPECT_EQ(example.parse({"-it", "-p8080:80", "-p", "1:2", "-p=3:4", "--name=x", "--rm=true", "img", "-i", "--foo"}),
            (Words{"img", "-i", "--foo"}));
  EXPECT_TRUE(example.interactive && example.tty && example.remove);
  EXPECT_EQ(example.publish, (Words{"8080:80", "1:2", "3:4"}));
  EXPECT_EQ(example.name, "x");
  EXPECT_TRUE(example.flags.given("rm"));
  EXPECT_FALSE(example.flags.given("count"));
}

TEST(Flags, TakeEmptyAndNegativeValues) {
  Example example;
  EXPECT_EQ(example.parse({"--name=", "-n", "-1", "img"}), (Words{"img"}));
  EXPECT_TRUE(example.flags.given("name"));
  EXPECT_EQ(example.count, -1);
}

TEST(Flags, StandAnywhereIfInterspersed) {
  Example example;
  EXPECT_EQ(example.parse({"a", "-t", "b", "--", "-i"}, true), (Words{"a", "b", "-i"}));
  EXPECT_TRUE(example.tty);
  EXPECT_FALSE(example.interactive);
}

TEST(Flags, AreRefusedInPflagsWords) {
  EXPECT_EQ(Example().refusal({"--bogus"}), "unknown flag: --bogus");
  EXPECT_EQ(Example().refusal({"-tz"}), "unknown shorthand flag: 'z' in -z");
  EXPECT_EQ(Example().refusal({"--name"}), "flag needs an argument: --name");
  EXPECT_EQ(Example().refusal({"-p"}), "flag needs an argument: 'p' in -p");
  EXPECT_EQ(Example().refusal({"--rm=maybe"}),
            "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax");
  EXPECT_EQ(Example().refusal({"-n", "x"}),
            "invalid argument \"x\" for \"-n, --count\" flag: strconv.ParseInt: parsing \"x\": invalid syntax");
}

TEST(Flags, ListThemselves) {
  EXPECT_EQ(Example().flags.usages(80),
            "  -n, --count int      Count\n"
            "  -i, --interactive    Keep STDIN open\n"
            "      --name string    Assign a name\n"
            "  -p, --publish list   Publish\n"
            "      --rm             Remove\n"
            "  -t, --tty            Allocate a pseudo-TTY\n");
}

}  // namespace
}  // namespace gantry::cli
