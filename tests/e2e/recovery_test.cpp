// gantryd is killed and comes back: containers run on, nothing is lost, nothing is left.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class Recovery : public Engine {
 protected:
  /// An image that has nothing in common with busybox.
  static std::filesystem::path three_layers(const std::filesystem::path& folder) {
    std::vector<std::string> layers;
    for (const char* name : {"one", "two", "three"}) {
      Entry file{.path = name, .content = std::string(std::size_t{4} << 20, *name)};
      for (std::size_t at = 0; at < file.content.size(); at += 64) file.content[at] = static_cast<char>(at >> 6U);
      layers.push_back(tar_of({file}));
    }
    return make_layout(folder, layers, {{"Cmd", {"/one"}}}, "three:1");
  }

  static void crash_and_restart() {
    daemon->kill(SIGKILL);
    ASSERT_TRUE(daemon->start()) << daemon->log();
  }
};

TEST_F(Recovery, RunningContainersRunOnAndLoseNoLine) {
  constexpr int kContainers = 20;
  for (int number = 0; number < kContainers; ++number) {
    ASSERT_EQ(cli("run -d --name c" + std::to_string(number) +
                  " busybox sh -c 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done'")
                  .code,
              0);
  }
  const auto pid = daemon->inspect("c7", "/State/Pid");
  cli("run -d --name ends busybox sh -c 'read x </dev/tcp 2>/dev/null; sleep 1; exit 23'");
  daemon->kill(SIGKILL);
  // The one that ends meanwhile: its shim tells after the restart.
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(daemon->inspect("c7", "/State/Pid"), pid);
  daemon->wait_for_exit("ends");
  EXPECT_EQ(daemon->inspect("ends", "/State/ExitCode"), 23);
  for (int number = 0; number < kContainers; ++number) {
    const std::string name = "c" + std::to_string(number);
    EXPECT_EQ(daemon->inspect(name, "/State/Running"), true);
    EXPECT_EQ(cli("stop -t 0 " + name).code, 0);
    const std::vector<std::string> lines = cli("logs " + name).lines();
    EXPECT_GT(lines.size(), 3U);
    for (std::size_t index = 0; index < lines.size(); ++index)
      ASSERT_EQ(lines[index], std::to_string(index + 1)) << name;
  }
}

TEST_F(Recovery, ExitCodesOfThoseThatEndedMeanwhileAreRight) {
  const std::string gate = (daemon->root() / "gate").string();
  std::filesystem::create_directories(gate);
  cli("run -d --name meanwhile -v " + gate +
      ":/gate busybox sh -c 'until [ -e /gate/open ]; do sleep 0.01; done; exit 42'");
  cli("run -d --name comes-back --restart always -v " + gate +
      ":/gate busybox sh -c 'until [ -e /gate/open ]; do sleep 0.01; done; exit 1'");
  const int pid = daemon->inspect("meanwhile", "/State/Pid");
  const int other = daemon->inspect("comes-back", "/State/Pid");
  daemon->kill(SIGKILL);
  shell("touch " + gate + "/open; while [ -d /proc/" + std::to_string(pid) + " -o -d /proc/" + std::to_string(other) +
        " ]; do :; done; rm " + gate + "/open");
  ASSERT_TRUE(daemon->start()) << daemon->log();
  daemon->wait_for_exit("meanwhile");
  // The daemon answers before the policy has been applied; the past events say when that has happened.
  const auto events = daemon->background("events --since 0 --filter event=start --filter container=comes-back");
  ASSERT_TRUE(events->wait_for("start")) << events->output() << daemon->log();
  EXPECT_EQ(daemon->inspect("meanwhile", "/State/Status"), "exited");
  EXPECT_EQ(daemon->inspect("meanwhile", "/State/ExitCode"), 42);
  EXPECT_EQ(daemon->inspect("comes-back", "/State/Running"), true);
}

TEST_F(Recovery, AttachExecAndNetworkWorkAgain) {
  cli("network create survivor");
  cli("run -di --name reader --network survivor -p 8123:80 busybox sh -c 'mkdir /w; echo page >/w/index.html; httpd -p "
      "80 -h /w; while read x; do echo got-$x; done'");
  crash_and_restart();
  EXPECT_EQ(cli("exec reader echo alive").line(), "alive");
  const auto attached = daemon->background("attach reader");
  attached->type("one\n");
  EXPECT_TRUE(attached->wait_for("got-one")) << attached->output();
  EXPECT_EQ(shell("curl -s http://127.0.0.1:8123").out, "page\n");
  EXPECT_EQ(cli("run --rm --network survivor busybox wget -q -O - http://reader").out, "page\n");
  cli("rm -f reader");
  EXPECT_EQ(cli("network rm survivor").code, 0);
}

TEST_F(Recovery, ACleanStopEndsContainersAsDockerdDoes) {
  cli("run -d --name quiet busybox sh -c 'trap \"exit 8\" TERM; echo up; while :; do sleep 0.1; done'");
  ASSERT_TRUE(daemon->background("logs -f quiet")->wait_for("up"));
  daemon->kill(SIGTERM);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_EQ(daemon->inspect("quiet", "/State/ExitCode"), 8);
}

// Kill -9 at random points of what changes state. The seed is printed, so a failure can be repeated.
TEST_F(Recovery, KillsAtRandomPointsLeaveAConsistentState) {
  std::random_device seed_source;
  const unsigned seed = seed_source();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random{seed};
  const std::string archive = (daemon->root() / "three-layers.tar").string();
  shell("tar -C " + three_layers(daemon->root() / "layout").string() + " -cf " + archive + " .");
  const Kernel idle = kernel_state(*daemon);
  const auto stored = stored_files(*daemon);
  ASSERT_EQ(cli("load -i " + archive).code, 0);
  const auto stored_with_image = stored_files(*daemon);
  ASSERT_EQ(cli("rmi three:1").code, 0);
  ASSERT_EQ(stored_files(*daemon), stored);
  for (int round = 0; round < rounds(40); ++round) {
    const auto load = daemon->background("load -i " + archive);
    const std::string name = "r" + std::to_string(round);
    const auto work = std::make_unique<Background>(
        "G=" + program("gantry").string() + "; $G create --name " + name + " -p 8300:80 -v vol" +
            std::to_string(round) + ":/v -v /anonymous busybox sleep 1000; $G start " + name + "; $G commit " + name +
            " commit:1; $G rmi commit:1; $G rm -f -v " + name + "; $G volume rm vol" + std::to_string(round),
        daemon->environment(), false);
    std::uniform_int_distribution<int> wait{0, 120'000};
    // A random instant, not an event: that is the point of this test.
    ::usleep(static_cast<useconds_t>(wait(random)));
    daemon->kill(SIGKILL);
    work->wait();
    ASSERT_TRUE(daemon->start()) << "seed " << seed << " round " << round << "\n" << daemon->log();
    const nlohmann::json all = daemon->api("GET", "/containers/json?all=1");
    ASSERT_TRUE(all.is_array()) << "seed " << seed << " round " << round;
    ASSERT_LE(all.size(), 1U);
    for (const auto& container : all) {
      const std::string state = container["State"];
      ASSERT_TRUE(state == "created" || state == "running" || state == "exited") << state << " seed " << seed;
      ASSERT_EQ(cli("rm -f -v " + name).code, 0) << "seed " << seed << " round " << round << "\n" << daemon->log();
    }
    cli("volume rm -f vol" + std::to_string(round));
    ASSERT_EQ(cli("run --rm busybox echo fine").out, "fine\n") << "seed " << seed << " round " << round << "\n"
                                                               << daemon->log();
    ASSERT_EQ(cli("volume ls -q").out, "") << "seed " << seed << " round " << round << "\n" << daemon->log();
    ASSERT_EQ(leaks_since(idle, *daemon), "") << "seed " << seed << " round " << round << "\n" << daemon->log();
    const bool loaded = cli("images -q three").out != "";
    if (cli("images -q commit").out != "") cli("rmi commit:1");
    ASSERT_EQ(stored_files(*daemon), loaded ? stored_with_image : stored)
        << "seed " << seed << " round " << round << "\n"
        << cli("images -a").out << daemon->log();
    // So that the next load has something to do.
    if (loaded) cli("rmi three:1");
  }
}

/// What a script of a client's has been told is done: a line for each.
class Acknowledged {
 public:
  explicit Acknowledged(std::filesystem::path file) : file_(std::move(file)) { forget(); }
  void forget() const { std::filesystem::remove(file_); }
  [[nodiscard]] bool has(const std::string& what) const {
    return shell("grep -qx " + what + " " + file_.string() + " 2>/dev/null").code == 0;
  }
  /// "command && note it".
  [[nodiscard]] std::string noting(const std::string& command, const std::string& what) const {
    return command + " && echo " + what + " >>" + file_.string() + "; ";
  }

 private:
  std::filesystem::path file_;
};

// The same for images that come from a registry's place, are built, and go.
TEST_F(Recovery, KillsAtRandomPointsOfPullsAndBuildsLoseNoImage) {
  std::random_device seed_source;
  const unsigned seed = seed_source();
  RecordProperty("seed", static_cast<int>(seed));
  std::mt19937 random{seed};
  const std::string layout = three_layers(daemon->root() / "three").string();
  const std::filesystem::path context = daemon->root() / "built";
  std::filesystem::create_directories(context);
  std::ofstream{context / "Dockerfile"} << "FROM busybox AS made\nRUN head -c 2000000 /dev/zero >/zeros\n"
                                           "FROM busybox\nCOPY --from=made /zeros /zeros\nCOPY f /f\nRUN echo x >/x\n";
  std::ofstream{context / "f"} << std::string(3'000'000, 'f');
  const auto stored = stored_files(*daemon);
  const Kernel idle = kernel_state(*daemon);
  const Acknowledged done{daemon->root() / "done"};
  const std::string client = program("gantry").string() + " ";
  const std::string pull = done.noting(client + "pull -q oci:" + layout + ":1", "pulled");
  const std::string build = done.noting(client + "build -q -t built:1 " + context.string(), "built");
  const std::string prune = done.noting(client + "builder prune -f", "pruned");
  for (int round = 0; round < rounds(3); ++round) {
    const std::string where = "seed " + std::to_string(seed) + " round " + std::to_string(round);
    done.forget();
    const auto one = std::make_unique<Background>(pull, daemon->environment(), false);
    const auto other = std::make_unique<Background>(build + prune + build, daemon->environment(), false);
    std::uniform_int_distribution<int> wait{0, 700'000};
    ::usleep(static_cast<useconds_t>(wait(random)));
    daemon->kill(SIGKILL);
    one->wait();
    other->wait();
    ASSERT_TRUE(daemon->start()) << where << "\n" << daemon->log();
    EXPECT_EQ(cli("ps -aq").out, "") << where << ": a step has outlived its build";
    const bool pulled = cli("images -q three").out != "";
    const bool built = cli("images -q built").out != "";
    EXPECT_TRUE(pulled || !done.has("pulled")) << where;
    EXPECT_TRUE(built || !done.has("built")) << where;
    // What is there is there whole: to be read out, and to be run.
    if (pulled) {
      EXPECT_EQ(cli("save three:1 | tar -t >/dev/null").code, 0) << where;
    }
    if (built) {
      EXPECT_EQ(cli("run --rm built:1 wc -c /zeros /f /x | tail -1").line(), "  5000002 total") << where;
    }
    // And can be had again, whatever was half done.
    EXPECT_EQ(shell(pull + build, daemon->environment()).code, 0) << where << "\n" << daemon->log();
    EXPECT_EQ(cli("run --rm built:1 wc -c /zeros /f /x | tail -1").line(), "  5000002 total") << where;
    EXPECT_EQ(cli("rmi three:1 built:1").code, 0) << where;
    cli("image prune -f");
    cli("builder prune -f");
    ASSERT_EQ(leaks_since(idle, *daemon), "") << where << "\n" << daemon->log();
    ASSERT_EQ(stored_files(*daemon), stored) << where << "\n" << cli("images -a").out << daemon->log();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace gantry::e2e
