// Lines that nobody takes, and drivers that end too early: what is told of it, and that nothing waits for them.

#include <signal.h>

#include <fstream>

#include "engine.hpp"
#include "listener.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// The processes beside a container.
std::string helpers_of(const std::string& id) {
  return shell("grep -lz " + id + " /proc/[0-9]*/cmdline 2>/dev/null | xargs -r dirname | while read p; do " +
               "grep -q gantry-logge[r] $p/cmdline && basename $p; done")
      .line();
}

/// Asks until it is so; false if it takes too long.
template <class Condition>
bool comes_true(Condition condition) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{30};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > limit) return false;
  }
  return true;
}

/// Waits until the daemon's log says something.
bool is_told(const Daemon& engine, const std::string& text) {
  return comes_true([&] { return engine.log().find(text) != std::string::npos; });
}

TEST(LostLines, OfAServerThatReadsNothingAreToldAndHoldNothingUp) {
  Daemon engine;
  ASSERT_TRUE(engine.start()) << engine.log();
  load_busybox(engine);
  const std::string path = (engine.root() / "deaf").string();
  const Listener server{path, SOCK_STREAM};  // accepts nobody, and so reads nothing
  const Result ran = engine.cli("run -d --name web --log-driver syslog --log-opt syslog-address=unix://" + path +
                                " busybox sh -c 'seq 1 200000; exec sleep 1000'");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string id = ran.line();
  // By the copy: more than the server's socket takes.
  EXPECT_TRUE(engine.background("logs -f web")->wait_for("\n5000\n"));
  EXPECT_EQ(engine.cli("rm -f web").code, 0);
  EXPECT_FALSE(helpers_of(id).empty()) << "the removal has waited for what has ten seconds";
  EXPECT_TRUE(is_told(engine, " did not take them in time after the container's end")) << engine.log();
  EXPECT_THAT(engine.log(), HasSubstr("container " + id + ": "));
  EXPECT_THAT(engine.log(), HasSubstr(" lines of its log were lost: the log driver "));
  EXPECT_TRUE(comes_true([&] { return helpers_of(id).empty(); }));
}

/// A daemon with the fake log driver (tests/fakes/failing) beside its own.
class FakeLogDriver : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path build{GANTRY_BUILD_DIR};
    const fs::path fake = build / "tests/fakes/drivers/fake-log.so";
    if (!fs::exists(fake)) GTEST_SKIP() << "the fake was not built";
    const fs::path folder = engine_.root() / "plugins";
    fs::create_directory(folder);
    fs::copy(fake, folder / "fake-log.so");
    engine_.write_config({{"plugin-dirs", {(build / "lib/gantry/plugins").string(), folder.string()}}});
    ASSERT_TRUE(engine_.start()) << engine_.log();
    load_busybox(engine_);
  }

  Daemon engine_;
};

TEST_F(FakeLogDriver, LinesThatAWriterLosesWhenItCrashesAreTold) {
  const Result ran = engine_.cli("run --name web --log-driver fake busybox sh -c 'echo one; echo crash'");
  EXPECT_EQ(ran.out, "one\ncrash\n") << ran.err;
  const std::string id = engine_.inspect("web", "/Id");
  EXPECT_TRUE(is_told(engine_, "container " + id + ": 1 line of its log was lost: gantry-logger with " +
                                   (engine_.root() / "plugins/fake-log.so").string() +
                                   " ended before it had logged them"))
      << engine_.log();
  EXPECT_EQ(engine_.cli("logs web").out, "one\n");
}

TEST_F(FakeLogDriver, ThatCrashesInTheDaemonIsNamedInTheDaemonsLog) {
  ASSERT_EQ(engine_.cli("create --name web --log-driver fake busybox true").code, 0);
  std::ofstream{engine_.data_root() / "drivers/log-fake/failpoints"} << "plan=segfault:*\n";
  EXPECT_NE(engine_.cli("start web").code, 0);
  EXPECT_EQ(engine_.wait(), 128 + SIGSEGV);
  EXPECT_THAT(engine_.log(),
              AllOf(HasSubstr("gantryd: fatal signal 11 (SIGSEGV)"), HasSubstr("/plugins/fake-log.so+0x"),
                    HasSubstr("during a call into the log driver \"fake\"\n")));
}

}  // namespace
}  // namespace gantry::e2e
