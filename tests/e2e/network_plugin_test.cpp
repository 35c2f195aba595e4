// Network and IPAM plugins as they were written for Docker.

#include <fstream>

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A plugin that joins containers to a bridge of its own by veths, and keeps addresses; files beside it make it refuse,
// hang, or answer what makes no sense.
class NetworkPlugin : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
    if (shell("python3 -c 'import http.server'").code != 0) GTEST_SKIP() << "no python3 on this machine";
    daemon_ = std::make_unique<Daemon>();
    folder_ = daemon_->root() / "plugins";
    std::filesystem::create_directories(folder_);
    daemon_->write_config(
        {{"driver-opts",
          {{"plugin", {{"plugin-sockets", folder_.string()}, {"plugin-specs", (folder_ / "specs").string()}}}}}});
    start_plugin();
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  void TearDown() override {
    if (HasFailure() && daemon_) ADD_FAILURE() << daemon_->log() << calls();
    shell("ip link del wire-bridge");
  }
  void start_plugin() {
    const std::string socket = folder_ / "wire.sock";
    std::filesystem::remove(socket);
    plugin_ = std::make_unique<Background>("exec python3 " GANTRY_NETWORK_PLUGIN " " + folder_.string() + " " + socket,
                                           Environment{}, false);
    shell("timeout 20 sh -c 'until [ -S " + socket + " ]; do :; done'");
  }
  Result run(const std::string& arguments) {
    return std::string{GetParam()} == "docker" ? daemon_->docker(arguments) : daemon_->cli(arguments);
  }
  std::string calls() const { return shell("cat " + (folder_ / "calls").string()).out; }
  void forget_calls() const { std::filesystem::remove(folder_ / "calls"); }
  /// What the plugin does at a method: "refuse", "hang", "garbage", "endless", "missing".
  void misbehave(const std::string& method, const std::string& how) const { std::ofstream{folder_ / method} << how; }
  void behave(const std::string& method) const { std::filesystem::remove(folder_ / method); }
  static std::string links() { return shell("ip -o link | grep -c wire-v").line(); }

  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<Background> plugin_;
  std::filesystem::path folder_;
};
INSTANTIATE_TEST_SUITE_P(By, NetworkPlugin, ::testing::Values("gantry", "docker"), client_name);

TEST_P(NetworkPlugin, JoinsContainers) {
  const Result made = run("network create -d wire --subnet 10.91.0.0/24 --gateway 10.91.0.1 -o color=blue lan");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(run("network inspect -f '{{.Driver}} {{.Options.color}}' lan").line(), "wire blue");
  EXPECT_THAT(calls(), HasSubstr("\"color\": \"blue\""));
  EXPECT_THAT(calls(), HasSubstr("\"Gateway\": \"10.91.0.1/24\""));
  ASSERT_EQ(run("run -d --name one --network lan -p 8080:80 busybox sleep 1000").code, 0);
  EXPECT_THAT(run("exec one ip addr show").out, HasSubstr("inet 10.91.0.2/24 brd 10.91.0.255 scope global wire0"));
  EXPECT_THAT(run("exec one ip route").out, HasSubstr("default via 10.91.0.1 dev wire0"));
  EXPECT_THAT(run("exec one ip route").out, HasSubstr("10.92.0.0/16 via 10.91.0.1 dev wire0"));
  EXPECT_THAT(run("exec one ip route").out, HasSubstr("10.93.0.0/16 dev wire0 scope link"));
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 5 one").code, 0) << "names, and neighbours";
  EXPECT_THAT(calls(), HasSubstr("ProgramExternalConnectivity"));
  EXPECT_THAT(calls(), HasSubstr("\"HostPort\": 8080"));
  EXPECT_EQ(run("rm -f one").code, 0);
  EXPECT_EQ(links(), "0");
  EXPECT_THAT(calls(), HasSubstr("RevokeExternalConnectivity"));
  EXPECT_THAT(calls(), HasSubstr("NetworkDriver.Leave"));
  EXPECT_THAT(calls(), HasSubstr("NetworkDriver.DeleteEndpoint"));
  EXPECT_EQ(run("network rm lan").code, 0);
  EXPECT_THAT(calls(), HasSubstr("NetworkDriver.DeleteNetwork"));
}

TEST_P(NetworkPlugin, ConnectsAndDisconnectsWhatRuns) {
  ASSERT_EQ(run("network create -d wire lan").code, 0);
  ASSERT_EQ(run("run -d --name one busybox sleep 1000").code, 0);
  EXPECT_EQ(run("network connect lan one").code, 0);
  EXPECT_THAT(run("exec one ip addr").out, HasSubstr("wire0"));
  EXPECT_EQ(run("network disconnect lan one").code, 0);
  EXPECT_THAT(run("exec one ip addr").out, Not(HasSubstr("wire0")));
  EXPECT_EQ(links(), "0");
  run("rm -f one");
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(NetworkPlugin, IsTakenUpAfterTheDaemonsDeath) {
  ASSERT_EQ(run("network create -d wire --subnet 10.91.0.0/24 lan").code, 0);
  ASSERT_EQ(run("run -d --name one --network lan busybox sleep 1000").code, 0);
  daemon_->kill(SIGKILL);
  forget_calls();
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_THAT(calls(), Not(HasSubstr("CreateNetwork"))) << "plugins keep what they know, as dockerd's do";
  EXPECT_THAT(calls(), Not(HasSubstr("Join")));
  EXPECT_EQ(daemon_->inspect("one", "/NetworkSettings/Networks/lan/IPAddress").get<std::string>(), "10.91.0.2");
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 5 one").code, 0);
  run("rm -f one");
  EXPECT_EQ(links(), "0");
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(NetworkPlugin, TellsWhatThePluginSays) {
  misbehave("NetworkDriver.CreateNetwork", "refuse");
  EXPECT_THAT(run("network create -d wire lan").err, HasSubstr("remote: out of wire"));
  behave("NetworkDriver.CreateNetwork");
  EXPECT_THAT(run("network create -d nosuch lan").err, HasSubstr("plugin \"nosuch\" not found"));
  EXPECT_THAT(run("network create -d ../x lan").err, HasSubstr("not found"));
  ASSERT_EQ(run("network create -d wire lan").code, 0);
  misbehave("NetworkDriver.Join", "refuse");
  EXPECT_THAT(run("run --rm --network lan busybox true").err, HasSubstr("remote: out of wire"));
  EXPECT_EQ(links(), "0") << "what was made is taken back";
  behave("NetworkDriver.Join");
  for (const char* method : {"ProgramExternalConnectivity", "RevokeExternalConnectivity", "EndpointOperInfo"}) {
    misbehave(std::string{"NetworkDriver."} + method, "missing");
  }
  EXPECT_EQ(run("run --rm --network lan busybox true").code, 0) << "old plugins have none of these";
}

TEST_P(NetworkPlugin, MayAnswerAnything) {
  for (const char* how : {"garbage", "endless"}) {
    misbehave("NetworkDriver.CreateNetwork", how);
    EXPECT_NE(run("network create -d wire lan").code, 0) << how;
  }
  behave("NetworkDriver.CreateNetwork");
  ASSERT_EQ(run("network create -d wire lan").code, 0);
  for (const char* how : {"garbage", "endless", "hostile"}) {
    misbehave("NetworkDriver.Join", how);
    EXPECT_NE(run("run --rm --network lan busybox true").code, 0) << how;
  }
  behave("NetworkDriver.Join");
  EXPECT_EQ(run("run --rm --network lan busybox true").code, 0);
  EXPECT_EQ(links(), "0");
}

TEST_P(NetworkPlugin, HangsWithoutHoldingOthersUp) {
  ASSERT_EQ(run("network create -d wire lan").code, 0);
  ASSERT_EQ(run("run -d --name one --network lan busybox sleep 1000").code, 0);
  misbehave("NetworkDriver.Leave", "hang");
  misbehave("NetworkDriver.RevokeExternalConnectivity", "hang");
  misbehave("NetworkDriver.DeleteNetwork", "hang");
  EXPECT_EQ(run("run --rm busybox true").code, 0) << "others do not notice";
  EXPECT_EQ(run("rm -f one").code, 0);
  EXPECT_EQ(run("ps -aq").out, "");
  EXPECT_EQ(run("network rm lan").code, 0) << "as dockerd removes networks whose plugins are gone";
}

TEST_P(NetworkPlugin, MayComeAndGo) {
  ASSERT_EQ(run("network create -d wire lan").code, 0);
  plugin_.reset();
  EXPECT_NE(run("run --rm --network lan busybox true").code, 0);
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(run("run --rm busybox true").code, 0);
  EXPECT_EQ(run("network ls -q -f name=lan").lines().size(), 1U) << "the record stays";
  start_plugin();
  EXPECT_EQ(run("run --rm --network lan busybox true").code, 0);
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(NetworkPlugin, GivesAddressesToNetworksOfOtherDrivers) {
  const Result made = run("network create --ipam-driver wire --ipam-opt color=red lan");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(run("network inspect -f '{{.IPAM.Driver}} {{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config "
                "0).Gateway}}' lan")
                .line(),
            "wire 10.94.0.0/24 10.94.0.1");
  ASSERT_EQ(run("run -d --name one --network lan busybox sleep 1000").code, 0);
  EXPECT_THAT(run("exec one ip addr show eth0").out, HasSubstr("inet 10.94.0.2/24"));
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 5 one").code, 0);
  EXPECT_THAT(calls(), HasSubstr("com.docker.network.endpoint.macaddress"));
  daemon_->kill(SIGKILL);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 5 one").code, 0);
  misbehave("IpamDriver.RequestAddress", "refuse");
  EXPECT_THAT(run("run --rm --network lan busybox true").err, HasSubstr("remote: out of wire"));
  behave("IpamDriver.RequestAddress");
  run("rm -f one");
  EXPECT_THAT(calls(), HasSubstr("\"Address\": \"10.94.0.2\""));
  EXPECT_EQ(run("network rm lan").code, 0);
  EXPECT_THAT(calls(), HasSubstr("IpamDriver.ReleasePool"));
  EXPECT_EQ(shell("cat " + (folder_ / "held").string()).line(), "0") << "every address is given back";
  EXPECT_THAT(run("network create --ipam-driver nosuch lan").err, HasSubstr("plugin \"nosuch\" not found"));
}

}  // namespace
}  // namespace gantry::e2e
