// The bridge network driver as the daemon's config has it: addresses, IPv6, rules.

#include "engine.hpp"

namespace gantry::e2e {
namespace {

using nlohmann::json;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr const char* kBridgeServer =
    "busybox sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -p [::]:80 -h /www'";

std::string fetch_published(const std::string& url) {
  return shell("curl -g -s --retry 30 --retry-connrefused --retry-delay 1 --max-time 20 '" + url + "'").out;
}

/// Each test has a daemon of its own, with a config of its own.
class BridgeConfig : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string{GetParam()} == "docker" && !have_docker_cli()) GTEST_SKIP() << "no docker CLI on this machine";
  }
  void start(const json& config) {
    daemon_ = std::make_unique<Daemon>(config);
    ASSERT_TRUE(daemon_->start()) << daemon_->log();
    load_busybox(*daemon_);
  }
  Result run(const std::string& arguments) {
    return std::string{GetParam()} == "docker" ? daemon_->docker(arguments) : daemon_->cli(arguments);
  }
  std::string inspect(const std::string& container, const std::string& pointer) {
    return daemon_->inspect(container, pointer).get<std::string>();
  }

  std::unique_ptr<Daemon> daemon_;
};
INSTANTIATE_TEST_SUITE_P(By, BridgeConfig, ::testing::Values("gantry", "docker"), client_name);

TEST_P(BridgeConfig, PlacesTheDefaultBridge) {
  start({{"bip", "10.201.0.1/24"},
         {"fixed-cidr", "10.201.0.128/25"},
         {"default-gateway", "10.201.0.254"},
         {"mtu", 1400},
         {"default-address-pools", {{{"base", "10.202.0.0/16"}, {"size", 24}}}},
         {"default-network-opts", {{"bridge", {{"com.docker.network.driver.mtu", "1350"}}}}},
         {"host-gateway-ips", {"10.201.0.7"}}});
  const Result seen =
      run("run --rm --add-host h:host-gateway busybox sh -c 'ip -4 addr show eth0; ip route; cat /etc/hosts'");
  EXPECT_THAT(seen.out, HasSubstr("inet 10.201.0.128/24"));
  EXPECT_THAT(seen.out, HasSubstr("mtu 1400"));
  EXPECT_THAT(seen.out, HasSubstr("default via 10.201.0.254"));
  EXPECT_THAT(seen.out, HasSubstr("10.201.0.7\th"));
  run("network create own");
  EXPECT_EQ(run("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' own").line(), "10.202.0.0/24");
  EXPECT_THAT(run("run --rm --network own busybox ip link show eth0").out, HasSubstr("mtu 1350"));
  EXPECT_THAT(run("network inspect own").out, HasSubstr("\"com.docker.network.driver.mtu\": \"1350\""));
}

TEST_P(BridgeConfig, GivesTheDefaultBridgeIPv6) {
  start({{"ipv6", true}, {"fixed-cidr-v6", "fd00:9::/64"}});
  const Result started = run(std::string{"run -d --name web -h web -p 8080:80 "} + kBridgeServer);
  ASSERT_EQ(started.code, 0) << started.err << daemon_->log();
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/bridge/GlobalIPv6Address"), "fd00:9::2");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/bridge/IPv6Gateway"), "fd00:9::1");
  EXPECT_EQ(daemon_->inspect("web", "/NetworkSettings/Networks/bridge/GlobalIPv6PrefixLen"), 64);
  EXPECT_THAT(run("exec web cat /etc/hosts").out, HasSubstr("fd00:9::2\tweb"));
  EXPECT_EQ(fetch_published("http://[fd00:9::1]:8080"), "served\n");
  EXPECT_EQ(fetch_published("http://127.0.0.1:8080"), "served\n");
  run("rm -f web");
  daemon_->kill(SIGTERM);
  daemon_->write_config(json::object());
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(run("network inspect -f '{{.EnableIPv6}}' bridge").line(), "false");
  EXPECT_THAT(run("run --rm busybox ip -6 addr show eth0").out, ::testing::Not(HasSubstr("inet6")));
}

TEST_P(BridgeConfig, MakesDualStackNetworks) {
  start(json::object());
  ASSERT_EQ(
      run("network create --ipv6 --subnet fd00:97::/64 --gateway fd00:97::9 --ip-range fd00:97::100/120 six").code, 0);
  ASSERT_EQ(run("network create --ipv6 chosen").code, 0);
  EXPECT_THAT(run("network inspect chosen").out, HasSubstr("\"Subnet\": \"fd"));
  ASSERT_EQ(run(std::string{"run -d --name web --network six --ip6 fd00:97::77 -p 8080:80 "} + kBridgeServer).code, 0);
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/six/GlobalIPv6Address"), "fd00:97::77");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/six/IPv6Gateway"), "fd00:97::9");
  EXPECT_EQ(inspect("web", "/NetworkSettings/Networks/six/IPAMConfig/IPv6Address"), "fd00:97::77");
  EXPECT_THAT(run("network inspect six").out, HasSubstr("\"IPv6Address\": \"fd00:97::77/64\""));
  EXPECT_THAT(run("run --rm --network six busybox nslookup -type=aaaa web 127.0.0.11").out, HasSubstr("fd00:97::77"));
  EXPECT_EQ(fetch_published("http://[fd00:97::9]:8080"), "served\n");
  EXPECT_EQ(run("run --rm --network six busybox wget -q -O - http://[fd00:97::77]").out, "served\n");
  // The first of the range, unless the container before has only just gone.
  EXPECT_THAT(run("run --rm --network six busybox ip -6 addr show eth0").out, HasSubstr("inet6 fd00:97::10"));
  // Older docker CLIs write it without the brackets.
  EXPECT_THAT(run("port web").out, AnyOf(HasSubstr("[::]:8080"), HasSubstr(":::8080")));
  EXPECT_THAT(run("run --rm --network six --ip6 fd00:1::7 busybox true").err,
              HasSubstr("no configured subnet or ip-range contain the IP address fd00:1::7"));
  EXPECT_THAT(run("run --rm --network six --ip6 fd00:97::77 busybox true").err, HasSubstr("Address already in use"));
}

TEST_P(BridgeConfig, TellsHowFullASubnetIs) {
  start(json::object());
  run("network create --subnet 10.203.0.0/24 --aux-address a=10.203.0.9 counted");
  ASSERT_EQ(run("run -d --name one --network counted busybox sleep 1000").code, 0);
  for (const char* request : {"/v1.52/networks/counted", "/v1.51/networks/counted?verbose=1"}) {
    const json seen = daemon_->api("GET", request);
    EXPECT_EQ(seen["Status"]["IPAM"]["Subnets"]["10.203.0.0/24"],
              json::parse(R"({"IPsInUse": 5, "DynamicIPsAvailable": 251})"))
        << seen;
  }
  const json before = daemon_->api("GET", "/v1.51/networks/counted");
  EXPECT_EQ(before["Name"], "counted");
  EXPECT_FALSE(before.contains("Status")) << "clients of 1.51 don't know it";
  EXPECT_THAT(run("network inspect --verbose counted").out, HasSubstr("\"IPsInUse\": 5"));
}

TEST_P(BridgeConfig, PublishesWhatTheHostsFirewallLetsIn) {
  start(json::object());
  ASSERT_EQ(run("network create -o gantry.firewall=host guarded").code, 0);
  ASSERT_EQ(run(std::string{"run -d --name web --network guarded -p 8080:80 "} + kBridgeServer).code, 0);
  EXPECT_EQ(fetch_published("http://127.0.0.1:8080"), "served\n");
  // A neighbour on the default bridge is a stranger to the host's firewall.
  const std::string visit = "run --rm busybox sh -c 'timeout 4 wget -q -O - http://172.17.0.1:8080; exit $?'";
  shell("nft 'add table inet fw; add chain inet fw input { type filter hook input priority 0; policy drop; }'");
  EXPECT_NE(run(visit).code, 0);
  shell("nft add rule inet fw input tcp dport 8080 accept");
  EXPECT_EQ(run(visit).out, "served\n");
  shell("nft delete table inet fw");
  EXPECT_THAT(run("network create -o gantry.firewall=ufw wrong").err,
              HasSubstr("failed to parse gantry.firewall value: ufw"));
}

TEST_P(BridgeConfig, PutsItsRulesBack) {
  start(json::object());
  ASSERT_EQ(run(std::string{"run -d --name web -p 8080:80 "} + kBridgeServer).code, 0);
  ASSERT_EQ(fetch_published("http://127.0.0.1:8080"), "served\n");
  ASSERT_EQ(shell("nft flush ruleset").code, 0);
  EXPECT_EQ(fetch_published("http://127.0.0.1:8080"), "served\n");
  daemon_->kill(SIGKILL);
  ASSERT_EQ(shell("nft flush ruleset").code, 0);
  ASSERT_TRUE(daemon_->start()) << daemon_->log();
  EXPECT_EQ(fetch_published("http://127.0.0.1:8080"), "served\n")
      << "also what was taken away while there was no daemon";
  EXPECT_EQ(run("rm -f web").code, 0);
}

TEST_P(BridgeConfig, MakesNoRulesWithoutIptables) {
  start({{"iptables", false}});
  EXPECT_EQ(run("run --rm -p 8080:80 busybox true").code, 0);
  EXPECT_EQ(shell("nft list tables").out, "");
  EXPECT_THAT(daemon_->log(), HasSubstr("iptables is off"));
}

TEST_P(BridgeConfig, TellsOfKeysThatContradictEachOther) {
  Daemon daemon{{{"bip", "10.201.0.1/24"}, {"fixed-cidr", "10.202.0.0/24"}}};
  const Result checked =
      shell(program("gantryd").string() + " --validate --config-file " + daemon.config_file().string());
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.err, HasSubstr("fixed-cidr"));
}

}  // namespace
}  // namespace gantry::e2e
