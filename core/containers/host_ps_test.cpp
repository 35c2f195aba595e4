#include "containers/host_ps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace gantry::containers {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Work>
std::string ps_refusal(Work work) {
  try {
    work();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid);
    return error.what();
  }
  return "none";
}

TEST(HostPs, TakesTheRowsOfTheContainersProcessesAndTheirThreads) {
  const Processes table = parse_ps_output(
      "  PID   LWP STAT COMMAND\n"
      "    1     1 S    init\n"
      "   10     - -    sh -c  x y\n"
      "    -    10 S    -\n"
      "    -    11 S    -\n"
      "   12     - -    other\n"
      "    -    12 S    -\n"
      "\n",
      {10, 99});
  EXPECT_THAT(table.titles, ElementsAre("PID", "LWP", "STAT", "COMMAND"));
  EXPECT_THAT(table.rows, ElementsAre(ElementsAre("10", "-", "-", "sh -c x y"), ElementsAre("-", "10", "S", "-"),
                                      ElementsAre("-", "11", "S", "-")));
}

TEST(HostPs, NeedsAColumnOfPids) {
  EXPECT_EQ(ps_refusal([] { parse_ps_output("COMMAND\nsh\n", {1}); }), "Couldn't find PID field in ps output");
  EXPECT_EQ(ps_refusal([] { parse_ps_output("", {1}); }), "Couldn't find PID field in ps output");
  EXPECT_THAT(ps_refusal([] { parse_ps_output("PID\nx\n", {1}); }), HasSubstr("Unexpected pid 'x'"));
  EXPECT_EQ(ps_refusal([] { check_ps_arguments("-o comm=PID"); }), "specifying \"comm=PID\" is not allowed");
  check_ps_arguments("-o pid=X,comm");
}

TEST(HostPs, IsAskedForThisVeryProcess) {
  const auto table = ask_ps("-o pid,comm", {::getpid()});
  if (!table) GTEST_SKIP() << "no ps";
  EXPECT_THAT(table->titles, ElementsAre("PID", "COMMAND"));
  ASSERT_EQ(table->rows.size(), 1U);
  EXPECT_EQ(table->rows[0][0], std::to_string(::getpid()));
  EXPECT_THAT(ask_ps("axf", {::getpid()})->rows, ::testing::SizeIs(1)) << "which does not go with -q";
  EXPECT_THAT(ps_refusal([] { ask_ps("bogus", {1}); }), HasSubstr("error: "));
}

}  // namespace
}  // namespace gantry::containers
