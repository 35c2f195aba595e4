// Where help goes and what the exit codes are: as docker 28.2 has them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "commands/fake_daemon.hpp"

namespace gantry::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Help : public testing::Test {
 protected:
  void TearDown() override { EXPECT_THAT(daemon_.requests(), testing::ElementsAre()); }

  Outcome run(const std::vector<std::string>& arguments) { return run_program(daemon_, arguments); }

  void expect_help(const std::vector<std::string>& arguments, const std::string& start) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << start;
    EXPECT_THAT(outcome.out, StartsWith(start));
    EXPECT_EQ(outcome.err, "") << start;
  }

  void expect_refused(const std::vector<std::string>& arguments, int code, const std::string& error) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, code) << error;
    EXPECT_EQ(outcome.out, "") << error;
    EXPECT_EQ(outcome.err, error);
  }

 private:
  FakeDaemon daemon_{[](FakeConnection& connection, const FakeConnection::Request&) { connection.respond(404, "{}"); }};
};

TEST_F(Help, OfATopicIsThatOfTheCommand) {
  for (const auto& [topic, usage] : {std::pair{"run", "Usage:  gantry run [OPTIONS] IMAGE"},
                                     {"container", "Usage:  gantry container COMMAND\n"},
                                     {"help", "Usage:  gantry help [command]\n\nHelp about the command\n"}}) {
    expect_help({"help", topic}, usage);
  }
  expect_help({"help", "container", "list"}, "Usage:  gantry container ls [OPTIONS]\n");
  EXPECT_EQ(run({"help", "volume", "rm"}).out, run({"volume", "rm", "--help"}).out);
  expect_help({"help"}, "Usage:  gantry [OPTIONS] COMMAND\n");
}

TEST_F(Help, OfNoTopicIsAnError) {
  expect_refused({"help", "nonesuch"}, 1, "unknown help topic: nonesuch\n");
  expect_refused({"help", "run", "nonesuch"}, 1, "unknown help topic: nonesuch\n");
  expect_refused({"help", "container", "ls", "extra"}, 1, "unknown help topic: extra\n");
  expect_refused({"help", "a", "b"}, 1, "unknown help topic: a b\n");
  expect_refused({"help", "--nonesuch"}, 125,
                 "unknown flag: --nonesuch\n\nUsage:  gantry help [command]\n\nRun 'gantry help --help' for more "
                 "information\n");
}

TEST_F(Help, MayStandBeforeTheCommand) {
  expect_help({"--help", "ps"}, "Usage:  gantry ps [OPTIONS]\n");
  expect_help({"container", "--help", "ls"}, "Usage:  gantry container ls [OPTIONS]\n");
  expect_help({"-D", "ps", "--help"}, "Usage:  gantry ps [OPTIONS]\n");
  expect_help({"nonesuch", "--help"}, "Usage:  gantry [OPTIONS] COMMAND\n");
  expect_help({"container", "nonesuch", "--help"}, "Usage:  gantry container COMMAND\n");
}

TEST_F(Help, ThatWasNotAskedForGoesToStderr) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"container"}, {"volume"}}) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("Usage:  gantry"));
  }
}

TEST_F(Help, ByTheLetterIsToldToBeOld) {
  expect_help({"ps", "-h"}, "Flag shorthand -h has been deprecated, use --help\nUsage:  gantry ps [OPTIONS]\n");
  expect_help({"ps", "-qh"}, "Flag shorthand -h has been deprecated, use --help\nUsage:  gantry ps [OPTIONS]\n");
  expect_help({"volume", "-h"}, "Flag shorthand -h has been deprecated, use --help\nUsage:  gantry volume COMMAND\n");
  // The letter of --hostname.
  EXPECT_THAT(run({"run", "-h"}).err, HasSubstr("flag needs an argument: 'h' in -h\n"));
}

TEST_F(Help, IsAFlagLikeOthers) {
  expect_refused({"ps", "--nonesuch", "--help"}, 125,
                 "unknown flag: --nonesuch\n\nUsage:  gantry ps [OPTIONS]\n\nRun 'gantry ps --help' for more "
                 "information\n");
  EXPECT_THAT(run({"run", "--help=false"}).err, HasSubstr("'gantry run' requires at least 1 argument"));
  EXPECT_EQ(run({"run", "--help=x"}).code, 125);
  expect_refused({"container", "--nonesuch", "ls"}, 125,
                 "unknown flag: --nonesuch\n\nUsage:  gantry container\n\nRun 'gantry container --help' for more "
                 "information\n");
  expect_refused({"-l", "loud", "ps"}, 1, "Unable to parse logging level: loud\n");
}

}  // namespace
}  // namespace gantry::cli
