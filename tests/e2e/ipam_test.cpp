// Addresses of a DHCP server of the network that containers stand in.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A machine on the other end of a cable, with a DHCP server: the host's end is `cable0`.
class Dhcp : public BothClients {
 protected:
  void SetUp() override {
    if (shell("python3 -c 'import socket'").code != 0) GTEST_SKIP() << "no python3 on this machine";
    shell(
        "mkdir -p /run/netns; mount -t tmpfs names /run/netns; ip netns add far; ip link add cable0 type veth peer "
        "name cable1; ip link set cable0 up;"
        "ip link set cable1 netns far; ip -n far link set lo up; ip -n far link set cable1 up;"
        "ip -n far addr add 10.77.0.200/24 dev cable1");
    shell(
        "timeout 10 sh -c 'until ip link show cable0 | grep -q \"state UP\"; do :; done;"
        "until ip -n far link show cable1 | grep -q \"state UP\"; do :; done'");
    BothClients::SetUp();
    log_ = daemon->root() / "dhcp.log";
    std::filesystem::remove(log_);
    start_server(4);
  }
  void TearDown() override {
    if (HasFailure()) ADD_FAILURE() << log();
    server_.reset();
    BothClients::TearDown();
    shell("ip link del cable0; ip netns del far; umount /run/netns");
  }

  void start_server(int lease) {
    server_ = std::make_unique<Background>("exec nsenter --net=/run/netns/far python3 " GANTRY_DHCP_SERVER " cable1 " +
                                               log_.string() + " " + std::to_string(lease),
                                           Environment{}, false);
    shell("timeout 20 sh -c 'until [ -e " + log_.string() + " ]; do :; done'");
  }
  std::string log() const { return shell("cat " + log_.string()).out; }
  /// Waits until the server has been told something (a regular expression) so many times.
  bool told(const std::string& what, int times) const {
    return shell("timeout 30 sh -c 'until [ $(grep -c \"" + what + "\" " + log_.string() + ") -ge " +
                 std::to_string(times) + " ]; do :; done'")
               .code == 0;
  }
  int count(const std::string& what) const {
    return std::stoi(shell("grep -c \"" + what + "\" " + log_.string()).line());
  }
  static std::string inspect(const std::string& container, const std::string& pointer) {
    return daemon->inspect(container, pointer).get<std::string>();
  }

  std::filesystem::path log_;
  std::unique_ptr<Background> server_;
};
INSTANTIATE_TEST_SUITE_P(By, Dhcp, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Dhcp, GivesAddressesToMacvlan) {
  const Result made = run("network create -d macvlan --ipam-driver dhcp -o parent=cable0 lan");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(run("network inspect -f '{{.IPAM.Driver}} {{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config "
                "0).Gateway}}' lan")
                .line(),
            "dhcp 10.77.0.0/24 10.77.0.200");
  ASSERT_EQ(run("run -d --name box --network lan busybox sleep 1000").code, 0);
  const std::string address = inspect("box", "/NetworkSettings/Networks/lan/IPAddress");
  const std::string mac = inspect("box", "/NetworkSettings/Networks/lan/MacAddress");
  EXPECT_THAT(address, StartsWith("10.77.0.1"));
  EXPECT_THAT(log(), HasSubstr("request " + mac + " " + address + " box")) << "by name, and by its own MAC address";
  EXPECT_THAT(run("exec box ip addr show eth0").out, HasSubstr("inet " + address + "/24"));
  EXPECT_THAT(run("exec box ip route").out, HasSubstr("default via 10.77.0.200"));
  EXPECT_EQ(run("exec box ping -c 1 -W 5 10.77.0.200").code, 0);
  EXPECT_EQ(run("run --rm --network lan busybox ping -c 1 -W 5 box").code, 0) << "a second one has another address";
  ASSERT_EQ(run("restart -t 0 box").code, 0);
  EXPECT_EQ(inspect("box", "/NetworkSettings/Networks/lan/MacAddress"), mac);
  run("rm -f box");
  EXPECT_TRUE(told("release " + mac + " " + address, 1));
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(Dhcp, RenewsLeasesAlsoAfterTheDaemonsDeath) {
  ASSERT_EQ(run("network create -d macvlan --ipam-driver dhcp -o parent=cable0 lan").code, 0);
  ASSERT_EQ(run("run -d --name box --network lan busybox sleep 1000").code, 0);
  const std::string address = inspect("box", "/NetworkSettings/Networks/lan/IPAddress");
  const std::string request = "request .* " + address;
  EXPECT_TRUE(told(request, 3)) << "the first one, and two renewals";
  daemon->kill(SIGKILL);
  const int before = count(request);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_TRUE(told(request, before + 2));
  EXPECT_EQ(count("discover"), 2) << "one for the subnet, one for the address";
  EXPECT_EQ(inspect("box", "/NetworkSettings/Networks/lan/IPAddress"), address);
  EXPECT_EQ(run("exec box ping -c 1 -W 5 10.77.0.200").code, 0);
  run("rm -f box");
  EXPECT_TRUE(told("release .* ", 1));
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(Dhcp, GivesBackWhatTheDaemonCouldNot) {
  ASSERT_EQ(run("network create -d macvlan --ipam-driver dhcp -o parent=cable0 lan").code, 0);
  ASSERT_EQ(run("run -d --name box --network lan busybox sleep 1000").code, 0);
  const std::string pid = daemon->inspect("box", "/State/Pid").dump();
  daemon->kill(SIGKILL);
  shell("kill -9 " + pid);
  EXPECT_EQ(count("release"), 0);
  ASSERT_TRUE(daemon->start()) << daemon->log();
  EXPECT_TRUE(told("release", 1));
  run("rm -f box");
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(Dhcp, AsksForTheAddressThatTheUserWants) {
  ASSERT_EQ(run("network create -d macvlan --ipam-driver dhcp --subnet 10.77.0.0/24 --gateway 10.77.0.200 "
                "-o parent=cable0 lan")
                .code,
            0);
  EXPECT_EQ(run("run --rm --network lan --ip 10.77.0.100 busybox true").code, 0);
  EXPECT_THAT(run("run --rm --network lan --ip 10.77.0.199 busybox true").err, HasSubstr("offers 10.77.0.1"));
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(Dhcp, SaysWhatIsMissing) {
  EXPECT_THAT(run("network create --ipam-driver dhcp lan").err, HasSubstr("dhcp_interface=NAME"));
  EXPECT_THAT(run("network create --ipam-driver dhcp --ipam-opt dhcp_interface=nope lan").err,
              HasSubstr("interface nope not found"));
  EXPECT_THAT(run("network create --ipam-driver dhcp --ipam-opt misspelt=1 lan").err, HasSubstr("misspelt"));
  EXPECT_THAT(run("network create -d macvlan --ipam-driver dhcp --ipv6 -o parent=cable0 lan").err,
              HasSubstr("only IPv4 addresses are leased"));
  ASSERT_EQ(run("network create -d macvlan --ipam-driver dhcp -o parent=cable0 lan").code, 0);
  server_.reset();
  EXPECT_THAT(run("run --rm --network lan busybox true").err, HasSubstr("no server answers at interface cable0"));
  EXPECT_EQ(run("run --rm busybox true").code, 0);
  EXPECT_EQ(run("network rm lan").code, 0);
}

TEST_P(Dhcp, ServesABridgeThatLeadsToTheLan) {
  shell("ip link add br9 type bridge; ip link set br9 up; ip link set cable0 master br9");
  const Result made =
      run("network create --ipam-driver dhcp -o com.docker.network.bridge.name=br9 "
          "-o com.docker.network.bridge.inhibit_ipv4=true -o com.docker.network.bridge.enable_ip_masquerade=false lan");
  ASSERT_EQ(made.code, 0) << made.err;
  ASSERT_EQ(run("run -d --name box --network lan busybox sleep 1000").code, 0);
  const std::string address = inspect("box", "/NetworkSettings/Networks/lan/IPAddress");
  EXPECT_THAT(address, StartsWith("10.77.0.1"));
  EXPECT_EQ(run("exec box ping -c 1 -W 5 10.77.0.200").code, 0);
  EXPECT_TRUE(told("request .* " + address, 3)) << "renewals";
  run("rm -f box");
  EXPECT_TRUE(told("release", 1));
  EXPECT_EQ(run("network rm lan").code, 0);
  EXPECT_THAT(shell("ip link show br9").out, HasSubstr("br9")) << "it was there, and stays";
  shell("ip link del br9");
}

}  // namespace
}  // namespace gantry::e2e
