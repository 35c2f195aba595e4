#include "containers/host_ps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

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
  EXPECT_EQ(ps_refusal([] { check_ps_arguments("-e  -o =a=PID=PIDS x"); }),
            "specifying \"=a=PID=PIDS\" is not allowed");
  EXPECT_EQ(ps_refusal([] { check_ps_arguments("-o a=PID,b= \tPID,c"); }),
            "specifying \"a=PID,b=PID,c\" is not allowed");
  for (const char* good : {"-o pid=X,comm", "a=PID", "", " ", " =", " x= ", "-o x=aPID", "-o x= aPID", "-o x PID"}) {
    check_ps_arguments(good);
  }
}

TEST(HostPs, LongArgumentsTakeNoTime) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) check_ps_arguments(std::string(4096, ' '));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{1});
}

/// Another ps than the host's: a script, which counts its runs.
class OtherPs : public ::testing::Test {
 protected:
  OtherPs() {
    std::string name = (std::filesystem::temp_directory_path() / "gantry-ps-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    ::setenv("PATH", (folder_.string() + ":" + path_).c_str(), 1);
  }
  ~OtherPs() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(folder_);
  }
  std::string refusal(const std::string& script) {
    std::ofstream{folder_ / "ps"} << "#!/bin/sh\necho run >>" << (folder_ / "runs").string() << "\n" << script;
    std::filesystem::permissions(folder_ / "ps", std::filesystem::perms::owner_all);
    return ps_refusal([] { ask_ps("-e", {1}); });
  }
  [[nodiscard]] std::uintmax_t runs() const { return std::filesystem::file_size(folder_ / "runs") / 4; }

 private:
  std::string path_ = ::getenv("PATH");
  std::filesystem::path folder_;
};

TEST_F(OtherPs, ThatSaysTooMuchIsNotAskedAgain) {
  EXPECT_EQ(refusal("exec yes"), "ps: it says more than is taken");
  EXPECT_EQ(runs(), 1U);
}

TEST_F(OtherPs, ThatIsKilledIsToldSo) {
  EXPECT_EQ(refusal("kill -9 $$"), "ps: ended by signal 9");
  EXPECT_EQ(runs(), 1U);
}

TEST_F(OtherPs, ThatRefusesIsAskedAgainWithoutPids) {
  EXPECT_EQ(refusal("exit 3"), "ps: exit status 3");
  EXPECT_EQ(runs(), 2U);
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
