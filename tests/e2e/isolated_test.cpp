// Drivers in processes of their own: what a crash of one does to the daemon, to containers and to the next call.

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "engine.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

/// A process that is waited for without being a child.
class Watched {
 public:
  explicit Watched(pid_t pid) : fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  [[nodiscard]] bool ends() const {
    pollfd event{fd_.get(), POLLIN, 0};
    return ::poll(&event, 1, 20000) == 1;
  }

 private:
  UniqueFd fd_;
};

/// A daemon with the fake volume driver (tests/fakes/failing) beside its own.
class Isolated : public ::testing::Test {
 protected:
  void SetUp() override {
    daemon_ = std::make_unique<Daemon>();
    const fs::path folder = daemon_->root() / "drivers";
    fs::create_directory(folder);
    for (const auto& entry : fs::directory_iterator(GANTRY_BUILD_DIR "/lib/gantry/plugins")) {
      fs::copy(entry.path(), folder / entry.path().filename());
    }
    fs::copy(GANTRY_BUILD_DIR "/tests/fakes/drivers/fake-volume.so", folder / "fake-volume.so");
    fs::copy(GANTRY_BUILD_DIR "/tests/fakes/samples/sample-ipam-sequence.so", folder / "ipam-sequence.so");
  }
  void TearDown() override {
    if (HasFailure() && daemon_) ADD_FAILURE() << daemon_->log();
  }

  void configure(const nlohmann::json& isolated) {
    daemon_->write_config({{"plugin-dirs", {(daemon_->root() / "drivers").string()}}, {"isolate-plugins", isolated}});
  }
  void start(const nlohmann::json& isolated) {
    configure(isolated);
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  Result cli(const std::string& arguments, const std::string& input = {}) { return daemon_->cli(arguments, input); }
  void faults(const std::string& points) {
    std::ofstream{daemon_->data_root() / "drivers/volume-fake/failpoints"} << points << "\n";
  }
  pid_t process_of(const std::string& driver) {
    const std::string pid = cli("plugin inspect -f '{{index .Pids 0}}' " + driver).line();
    // Who kills it would kill everybody.
    if (pid.empty()) throw std::runtime_error{"the driver " + driver + " has no process"};
    return std::stoi(pid);
  }

  std::unique_ptr<Daemon> daemon_;
};

TEST_F(Isolated, ACrashFailsTheCallAndNothingElse) {
  start({"volume/fake"});
  EXPECT_EQ(cli("plugin inspect -f '{{.Isolated}}' fake").line(), "true");
  EXPECT_EQ(cli("plugin inspect -f '{{.Isolated}}' bridge").line(), "false");
  const pid_t first = process_of("fake");
  EXPECT_THAT(cli("plugin ls").out, HasSubstr("PIDS"));
  EXPECT_EQ(shell("grep -c fake-volume.so /proc/" + std::to_string(daemon_->pid()) + "/maps").line(), "0")
      << "nothing of it is in the daemon";
  ASSERT_EQ(cli("volume create -d fake kept").code, 0);
  ASSERT_EQ(cli("run -d --name box -v kept:/v busybox sh -c 'echo kept >/v/file; exec sleep 1000'").code, 0);
  const pid_t daemon = daemon_->pid();
  faults("create=segfault:*");
  const Result crashed = cli("volume create -d fake data");
  EXPECT_NE(crashed.code, 0);
  EXPECT_THAT(crashed.err,
              HasSubstr("volume driver \"fake\" crashed (signal 11 (Segmentation fault)) during this call"));
  faults("");
  EXPECT_EQ(cli("volume create -d fake data").line(), "data");
  EXPECT_EQ(cli("run --rm -v kept:/v busybox cat /v/file").line(), "kept");
  EXPECT_EQ(daemon_->pid(), daemon);
  EXPECT_EQ(daemon_->inspect("box", "/State/Running").dump(), "true");
  EXPECT_NE(process_of("fake"), first);
  EXPECT_THAT(daemon_->log(), HasSubstr("volume driver \"fake\" crashed"));
}

TEST_F(Isolated, ANetworkDriverLearnsAgainWhatItKnew) {
  start({"bridge"});
  cli("network create --subnet 10.66.0.0/24 lan");
  cli("network create --subnet 10.67.0.0/24 other");
  ASSERT_EQ(cli("run -d --name web --network lan -p 8099:80 busybox sh -c 'mkdir /www; echo served >/www/index.html; "
                "exec httpd -f -p 80 -h /www'")
                .code,
            0);
  const std::string fetch = "curl -s --retry 30 --retry-connrefused --retry-delay 1 http://127.0.0.1:8099";
  ASSERT_EQ(shell(fetch).line(), "served");
  for (int round = 0; round < 2; ++round) {
    const pid_t process = process_of("bridge");
    const Watched watched{process};
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    ASSERT_TRUE(watched.ends());
    EXPECT_EQ(shell(fetch).line(), "served");
    EXPECT_EQ(cli("network connect --ip 10.67.0.9 other web").err, "");
    EXPECT_THAT(cli("run --rm --network other busybox wget -q -O - http://10.67.0.9").out, HasSubstr("served"));
    EXPECT_THAT(cli("run --rm --network lan --ip 10.66.0.2 busybox true").err, HasSubstr("Address already in use"))
        << "it knows who has it";
    EXPECT_EQ(cli("network disconnect other web").err, "");
  }
  EXPECT_EQ(cli("rm -f web").code, 0);
  EXPECT_EQ(cli("network rm lan other").code, 0);
  EXPECT_EQ(shell("ip -o link | grep -c veth").line(), "0");
}

TEST_F(Isolated, AnIpamDriverLearnsAgainWhatItGave) {
  start({"ipam/sequence"});
  ASSERT_EQ(cli("network create --ipam-driver sequence lan").code, 0);
  ASSERT_EQ(cli("run -d --name first --network lan busybox sleep 1000").code, 0);
  EXPECT_EQ(daemon_->inspect("first", "/NetworkSettings/Networks/lan/IPAddress"), "10.77.0.2");
  // All that it knew it loses.
  for (const auto& entry : fs::directory_iterator(daemon_->data_root() / "drivers/ipam-sequence")) {
    fs::remove_all(entry.path());
  }
  const pid_t process = process_of("ipam/sequence");
  const Watched watched{process};
  ASSERT_EQ(::kill(process, SIGKILL), 0);
  ASSERT_TRUE(watched.ends());
  EXPECT_EQ(cli("run -d --name second --network lan busybox sleep 1000").err, "");
  EXPECT_EQ(daemon_->inspect("second", "/NetworkSettings/Networks/lan/IPAddress"), "10.77.0.3");
  cli("rm -f first second");
  EXPECT_EQ(cli("network rm lan").code, 0);
}

TEST_F(Isolated, AFileThatIsReplacedIsTakenByAReloadAndNotByACrash) {
  start({"volume/fake"});
  ASSERT_EQ(cli("volume create -d fake kept").code, 0);
  const fs::path file = daemon_->root() / "drivers/fake-volume.so";
  fs::copy(GANTRY_BUILD_DIR "/tests/fakes/drivers/fake-network.so", daemon_->root() / "fresh");
  fs::rename(daemon_->root() / "fresh", file);
  const pid_t process = process_of("fake");
  const Watched watched{process};
  ASSERT_EQ(::kill(process, SIGKILL), 0);
  ASSERT_TRUE(watched.ends());
  EXPECT_EQ(cli("volume create -d fake other").line(), "other");
  EXPECT_THAT(cli("plugin reload fake").err, HasSubstr("this is the network driver \"fake\" now"));
}

TEST_F(Isolated, NoProcessOutlivesTheDaemon) {
  start(true);
  std::vector<Watched> all;
  const auto plugins = daemon_->api("GET", "/gantry/plugins");
  for (const auto& plugin : plugins) {
    const auto pids = plugin.value("Pids", nlohmann::json::array());
    for (const auto& pid : pids) all.emplace_back(pid.get<pid_t>());
  }
  EXPECT_GT(all.size(), 10U);
  ASSERT_EQ(cli("run -d --name box busybox sleep 1000").code, 0);
  daemon_->kill(SIGKILL);
  for (const Watched& process : all) EXPECT_TRUE(process.ends());
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(cli("exec box echo here").line(), "here");
  cli("rm -f box");
  const Watched bridge{process_of("bridge")};
  daemon_->kill(SIGTERM);
  EXPECT_TRUE(bridge.ends());
}

TEST_F(Isolated, AllDriversServeAsInTheDaemon) {
  start(true);
  for (const char* driver :
       {"overlay", "bridge", "volume/local", "log/local", "json-file", "hub", "native", "dockerfile"}) {
    EXPECT_EQ(cli(std::string{"plugin inspect -f '{{.Isolated}}' "} + driver).line(), "true") << driver;
  }
  EXPECT_EQ(cli("run --name box -v data:/v busybox sh -c 'echo said; echo written >/v/file; touch /new'").line(),
            "said");
  EXPECT_EQ(cli("logs box").line(), "said");
  EXPECT_THAT(cli("diff box").out, HasSubstr("A /new"));
  EXPECT_EQ(cli("commit box made").code, 0);
  EXPECT_EQ(cli("run --rm -v data:/v made sh -c 'ls /new; cat /v/file'").out, "/new\nwritten\n");
  EXPECT_THAT(cli("image pull 127.0.0.1:1/nothing").err, HasSubstr("connection refused"));
  if (!have_docker_cli()) return;
  EXPECT_EQ(daemon_->docker("run --rm made echo docker").line(), "docker");
}

TEST_F(Isolated, AreReloadedDisabledAndEnabled) {
  start({"macvlan", "bridge"});
  ASSERT_EQ(cli("run -d --name box busybox sleep 1000").code, 0);
  const Watched old{process_of("bridge")};
  EXPECT_EQ(cli("plugin reload bridge").err, "");
  EXPECT_TRUE(old.ends());
  EXPECT_EQ(cli("run --rm busybox echo new").line(), "new");
  const Watched disabled{process_of("macvlan")};
  EXPECT_EQ(cli("plugin disable macvlan").err, "");
  EXPECT_TRUE(disabled.ends());
  EXPECT_THAT(cli("network create -d macvlan -o parent=lo n").err, HasSubstr("disabled"));
  std::ofstream{daemon_->root() / "drivers/net-macvlan.so", std::ios::app} << "written in place";
  EXPECT_EQ(cli("plugin enable macvlan").err, "");
  EXPECT_THAT(cli("network create -d macvlan -o parent=lo n").err, Not(HasSubstr("disabled")));
  EXPECT_NO_THROW(process_of("macvlan"));
}

// A container has a shim of its own: another process of the driver's finds it again.
TEST_F(Isolated, ContainersDoNotNoticeTheCrashOfTheirRuntime) {
  start({"native"});
  ASSERT_EQ(cli("run -d --name box -m 64m busybox sh -c 'trap \"exit 7\" TERM; while :; do sleep 0.1; done'").code, 0);
  EXPECT_EQ(cli("exec box echo before").line(), "before");
  const pid_t pid = process_of("native");
  const Watched driver{pid};
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(driver.ends());
  EXPECT_EQ(cli("inspect -f '{{.State.Status}}' box").line(), "running");
  EXPECT_EQ(daemon_->cli("exec -i box cat", "from stdin").out, "from stdin");
  EXPECT_NE(process_of("native"), pid);
  EXPECT_EQ(cli("stop box").line(), "box");
  EXPECT_EQ(cli("inspect -f '{{.State.ExitCode}}' box").line(), "7") << "its end was heard of";
  EXPECT_EQ(cli("start box").line(), "box");
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(cli("exec box echo adopted").line(), "adopted");
  EXPECT_EQ(cli("rm -f box").line(), "box");
}

/// A builder in the middle of a build: two commands run, one of them with a secret.
class IsolatedBuilder : public Isolated {
 protected:
  void SetUp() override {
    Isolated::SetUp();
    start({"dockerfile"});
    if (HasFatalFailure()) return;
    std::ofstream{daemon_->root() / "key"} << "very-secret";
    std::ofstream{daemon_->root() / "recipe"} << "FROM busybox AS one\nRUN echo first; sleep 1000\n"
                                                 "FROM busybox AS two\nRUN --mount=type=secret,id=key sleep 1000\n"
                                                 "FROM one\nCOPY --from=two / /\n";
    build_ = daemon_->background("build --secret id=key,src=" + (daemon_->root() / "key").string() + " - <" +
                                 (daemon_->root() / "recipe").string());
    ASSERT_TRUE(build_->wait_for("first")) << build_->output();
    // What a later stage says would be shown when the earlier one is done.
    until([this] { return !fs::is_empty(lent()) && std::ranges::count(cli("ps -q").out, '\n') == 2; });
  }
  void TearDown() override {
    EXPECT_EQ(cli("build -", "FROM busybox\nRUN echo again\n").code, 0) << "the next build is like any other";
    EXPECT_EQ(cli("ps -aq").out, "");
    EXPECT_TRUE(fs::is_empty(lent())) << "no secret stays";
    EXPECT_TRUE(fs::is_empty(daemon_->data_root() / "drivers/builder-dockerfile/work"));
    Isolated::TearDown();
  }
  /// Asks until it is so; 20 seconds are too long.
  template <class Condition>
  static void until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) ASSERT_LT(std::chrono::steady_clock::now(), limit);
  }
  [[nodiscard]] fs::path lent() const { return daemon_->exec_root() / "drivers/builder-dockerfile"; }

  std::unique_ptr<Background> build_;
};

TEST_F(IsolatedBuilder, ACrashEndsItsCommandsAndLeavesNothing) {
  const pid_t pid = process_of("dockerfile");
  const Watched driver{pid};
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(driver.ends());
  EXPECT_NE(build_->wait(), 0);
  EXPECT_THAT(build_->output(),
              HasSubstr("builder driver \"dockerfile\" crashed (signal 9 (Killed)) during this call"));
}

TEST_F(IsolatedBuilder, OneThatHangsIsLeftAloneWhenTheClientGoes) {
  const pid_t pid = process_of("dockerfile");
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  build_->signal(SIGKILL);
  // Its commands end at once, the rest when it has had its time.
  until([this] { return cli("ps -q").out.empty(); });
  until([this] { return cli("ps -aq").out.empty(); });
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_EQ(process_of("dockerfile"), pid);
  // It learns that nobody listens any more, and cleans up.
  until([this] { return fs::is_empty(lent()); });
}

/// What a command says while its client reads nothing lies nowhere.
class SlowClient : public Isolated {
 protected:
  static std::size_t memory_of(pid_t pid) {
    std::ifstream status{"/proc/" + std::to_string(pid) + "/status"};
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6)) << 10;
    }
    return 0;
  }
  void expect_patience(const nlohmann::json& isolated) {
    start(isolated);
    if (HasFatalFailure()) return;
    std::ofstream{daemon_->root() / "recipe"} << "FROM busybox\nRUN echo begin; yes $(seq 1000)\n";
    const auto build = daemon_->background("build - <" + (daemon_->root() / "recipe").string());
    ASSERT_TRUE(build->wait_for("begin\n")) << build->output();
    const std::size_t before = memory_of(daemon_->pid());
    std::this_thread::sleep_for(std::chrono::seconds{3});
    EXPECT_LT(memory_of(daemon_->pid()), before + (std::size_t{64} << 20));
    build->signal(SIGKILL);
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!cli("ps -q").out.empty()) ASSERT_LT(std::chrono::steady_clock::now(), limit);
  }
};

TEST_F(SlowClient, KeepsACommandWaiting) { expect_patience(nlohmann::json::array()); }

TEST_F(SlowClient, KeepsACommandOfAnIsolatedBuilderWaiting) { expect_patience({"dockerfile"}); }

TEST_F(Isolated, AMistakeInTheConfigIsTold) {
  const auto refused = [this](const nlohmann::json& isolated) {
    configure(isolated);
    EXPECT_FALSE(daemon_->start());
    return daemon_->log();
  };
  EXPECT_THAT(refused({"nosuch"}), HasSubstr("isolate-plugins: there is no driver \"nosuch\"; there are: "));
  EXPECT_THAT(refused("bridge"), HasSubstr("true, false or a list of drivers"));
}

}  // namespace
}  // namespace gantry::e2e
