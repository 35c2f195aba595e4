// The rules in the kernel, and what others do to them.

#include <chrono>
#include <thread>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

TEST_F(BridgeDriver, PortsWorkWithoutBrNetfilterToo) {
  if (!write_sysctl("bridge/bridge-nf-call-iptables", "0"))
    GTEST_SKIP() << "br_netfilter is not loaded: the other test did";
  create('a');
  Sandbox web;
  Sandbox neighbour;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), web);
  attach(endpoint('a', '2'), neighbour);
  Server server(web.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_TRUE(ask(neighbour.netns(), "tcp", "172.17.0.1", 8080));
  EXPECT_TRUE(ask(web.netns(), "tcp", "172.17.0.1", 8080));
  EXPECT_TRUE(ask(neighbour.netns(), "tcp", "172.17.0.2", 80));
  write_sysctl("bridge/bridge-nf-call-iptables", "1");
}

TEST_F(BridgeDriver, MakesNoRulesWhereItMustNot) {
  host_.settings = {{"iptables", "false"}};
  reopen();
  create('a');
  Sandbox sandbox;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  Server server(sandbox.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", made.ipv4, 80));
  EXPECT_FALSE(ask(own_.get(), "tcp", "127.0.0.1", 8080, kUnreachable));
  EXPECT_NE(std::system("nft list tables | grep -q gantry"), 0);
}

TEST_F(BridgeDriver, WarnsOnceOfOthersRulesThatAreInTheWay) {
  const std::string chain = "{ type filter hook forward priority filter; policy drop; }'";
  ASSERT_EQ(std::system(("nft 'add table ip filter; add chain ip filter FORWARD " + chain).c_str()), 0);
  const auto await = [this](const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::string said;
    while (said.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
      said += host_.take_said();
      std::this_thread::yield();
    }
    return said;
  };
  create('a');
  EXPECT_THAT(await("FORWARD"), ::testing::HasSubstr("(ip filter FORWARD: nft insert rule ip filter FORWARD"));
  create('b');
  EXPECT_THAT(host_.take_said(), ::testing::Not(::testing::HasSubstr("FORWARD")));
  ASSERT_EQ(std::system(("nft 'add table inet fw; add chain inet fw late " + chain).c_str()), 0);
  EXPECT_THAT(await("late"), ::testing::HasSubstr("inet fw late: nft insert rule inet fw late iifname BRIDGE accept"));
  EXPECT_EQ(std::system("nft flush ruleset"), 0);
}

TEST_F(BridgeDriver, NeighboursDoNotReachPortsOfTheLoopback) {
  create('a');
  Sandbox web;
  const Outside outside;
  attach(endpoint('a', '1', {{"tcp", 80, "127.0.0.1", 8080, 0}, {"tcp", 80, "198.51.100.1", 8080, 0}}), web);
  Server server(web.netns(), "tcp", 80);
  test::inside(outside.netns(), [] {
    EXPECT_EQ(
        std::system("ip address del 127.0.0.1/8 dev lo; ip route add 127.0.0.1/32 via 198.51.100.1 src 198.51.100.2"),
        0);
    for (const char* interface : {"all", "wire"})
      EXPECT_TRUE(write_sysctl(std::string("ipv4/conf/") + interface + "/route_localnet", "1"));
  });
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8080));
  EXPECT_FALSE(ask(outside.netns(), "tcp", "127.0.0.1", 8080, kUnreachable));
}

TEST_F(BridgeDriver, ContainersDoNotConfigureTheHost) {
  const std::string plain = "ipv6/conf/" + create('a').interface + "/";
  EXPECT_EQ(read_sysctl(plain + "accept_ra"), "0");
  EXPECT_EQ(read_sysctl(plain + "disable_ipv6"), "1") << "else containers reach the host's services at fe80::";
  const std::string dual = "ipv6/conf/" + create('b', {}, false, true).interface + "/";
  EXPECT_EQ(read_sysctl(dual + "accept_ra"), "0");
  EXPECT_EQ(read_sysctl(dual + "disable_ipv6"), "0");
}

TEST_F(BridgeDriver, ABridgeOfTheOperatorsIsGivenIPv6OnlyWhereItsNetworkHasIt) {
  for (const bool ipv6 : {false, true}) {
    ASSERT_EQ(std::system("ip link add name ours type bridge"), 0);
    ASSERT_TRUE(write_sysctl("ipv6/conf/ours/disable_ipv6", "1"));
    create('a', {{"com.docker.network.bridge.name", "ours"}}, false, ipv6);
    EXPECT_EQ(read_sysctl("ipv6/conf/ours/disable_ipv6"), ipv6 ? "0" : "1");
    driver_->remove_network(id_of('a'), call_);
    ASSERT_EQ(std::system("ip link del ours"), 0);
  }
}

/// A neighbour behind the host's other interface, whom the first one has a route to.
class Beyond {
 public:
  Beyond() {
    Netlink().add_veth({"beyond", 0, sandbox_.netns(), "beyond", "02:42:c6:33:64:03", 0, false});
    Netlink netlink;
    netlink.add_address(netlink.find("beyond")->index, *parse_cidr("203.0.113.1/24"));
    test::inside(sandbox_.netns(), [] {
      Netlink there;
      const int index = there.find("beyond")->index;
      there.add_address(index, *parse_cidr("203.0.113.2/24"));
      there.set_up(index);
      there.set_default_route(index, *parse_address("203.0.113.1"));
    });
  }
  ~Beyond() { Netlink().remove("beyond"); }
  [[nodiscard]] int netns() const { return sandbox_.netns(); }

 private:
  Sandbox sandbox_;
};

TEST_F(BridgeDriver, TheHostBecomesNobodysRouter) {
  const Outside outside;
  const Beyond beyond;
  Server server(beyond.netns(), "tcp", 80);
  Sandbox web;
  const auto forwarded = [&] { return ask(outside.netns(), "tcp", "203.0.113.2", 80, kUnreachable).has_value(); };
  ASSERT_TRUE(write_sysctl("ipv4/ip_forward", "0"));
  create('a');
  attach(endpoint('a', '1'), web);
  EXPECT_EQ(read_sysctl("ipv4/ip_forward"), "1");
  EXPECT_FALSE(forwarded());
  EXPECT_TRUE(ask(web.netns(), "tcp", "203.0.113.2", 80)) << "containers get out";
  EXPECT_EQ(std::system("nft flush ruleset"), 0);
  create('b');
  EXPECT_FALSE(forwarded()) << "the rule is put back with the others";
  reopen();
  create('a');
  EXPECT_FALSE(forwarded()) << "a later daemon knows";
  host_.settings = {{"ip-forward-no-drop", "true"}};
  reopen();
  create('a');
  EXPECT_TRUE(forwarded());
}

TEST_F(BridgeDriver, AHostThatForwardsGoesOn) {
  const Outside outside;
  const Beyond beyond;
  Server server(beyond.netns(), "tcp", 80);
  ASSERT_TRUE(write_sysctl("ipv4/ip_forward", "1"));
  create('a');
  EXPECT_TRUE(ask(outside.netns(), "tcp", "203.0.113.2", 80));
}

/// What a client of [::1] meets: an answer, or nothing, and whether that took as long as `ask` waits.
std::pair<std::optional<std::string>, bool> ask_loopback6(int netns) {
  const auto start = std::chrono::steady_clock::now();
  auto answer = ask(netns, "tcp", "::1", 8080);
  return {std::move(answer), std::chrono::steady_clock::now() - start > std::chrono::milliseconds(1500)};
}

TEST_F(BridgeDriver, TheIPv6LoopbackHasPublishedPorts) {
  const bool filtered = write_sysctl("bridge/bridge-nf-call-ip6tables", "0");
  reopen();
  create('a', {}, false, true);
  Sandbox sandbox;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"tcp", 80, "::1", 8081, 0}}), sandbox);
  Server server(sandbox.netns(), "tcp", 80, AF_INET6);
  EXPECT_TRUE(ask_loopback6(own_.get()).first);
  EXPECT_TRUE(ask(own_.get(), "tcp", "::1", 8081));
  if (!filtered) return;
  write_sysctl("bridge/bridge-nf-call-ip6tables", "1");
  driver_->detach(id_of('a'), id_of('1'), call_);
  driver_->remove_network(id_of('a'), call_);
  create('a', {}, false, true);
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  const auto [answer, waited] = ask_loopback6(own_.get());
  EXPECT_FALSE(answer);
  EXPECT_FALSE(waited) << "a client must be free to try 127.0.0.1";
}

TEST_F(BridgeDriver, PortsObeyTheHostsFirewallWhereAsked) {
  create('a', {{"gantry.firewall", "host"}});
  create('b');
  Sandbox guarded;
  Sandbox open;
  const Outside outside;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"tcp", 80, "198.51.100.1", 8082, 0}}), guarded);
  attach(endpoint('b', '2', {{"tcp", 80, "", 8081, 0}}), open);
  Server server(guarded.netns(), "tcp", 80);
  Server other(open.netns(), "tcp", 80);
  const auto nft = [](const std::string& command) { EXPECT_EQ(std::system(("nft '" + command + "'").c_str()), 0); };
  nft("add table inet fw");
  nft("add chain inet fw input { type filter hook input priority 0; policy drop; }");
  nft("add rule inet fw input ct state established,related accept");
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, 1500));
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8081)) << "published past the firewall, as dockerd does";
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080)) << "the host itself is no stranger";
  nft("add rule inet fw input tcp dport { 8080, 8082 } accept");
  // The first packet goes the firewall's way, and the client sends it once more after a second.
  EXPECT_EQ(ask(outside.netns(), "tcp", "198.51.100.1", 8080, 5000), "198.51.100.2");
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, 500)) << "known by now";
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8082, 5000));
  nft("flush chain inet fw input");
  EXPECT_EQ(std::system("timeout 10 sh -c 'while nft list set inet gantry admitted4 | grep -q expires; do :; done'"),
            0);
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, 1500)) << "not known any more";
  nft("delete table inet fw");
  driver_->detach(id_of('a'), id_of('1'), call_);
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, kUnreachable));
}

TEST_F(BridgeDriver, PutsItsRulesBackWhenSomebodyTakesThemAway) {
  create('a');
  create('b');
  Sandbox web;
  Sandbox stranger;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), web);
  const Endpoint apart = attach(endpoint('b', '2'), stranger);
  Server server(web.netns(), "tcp", 80);
  Server other(stranger.netns(), "tcp", 80);
  for (const char* blow : {"nft flush ruleset", "nft delete table inet gantry", "nft flush table inet gantry",
                           "nft flush chain inet gantry published"}) {
    ASSERT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080)) << blow;
    ASSERT_EQ(std::system(blow), 0);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    bool back = false;
    while (!back && std::chrono::steady_clock::now() < deadline) {
      back = ask(own_.get(), "tcp", "127.0.0.1", 8080, 200).has_value();
    }
    EXPECT_TRUE(back) << blow;
    EXPECT_FALSE(ask(web.netns(), "tcp", apart.ipv4, 80, kUnreachable)) << blow;
  }
  ASSERT_EQ(std::system("nft flush ruleset"), 0);
  Sandbox late;
  attach(endpoint('a', '3', {{"tcp", 80, "", 8083, 0}}), late);
  Server late_server(late.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8083)) << "published in the very moment";
  driver_->detach(id_of('a'), id_of('3'), call_);
  EXPECT_FALSE(ask(own_.get(), "tcp", "127.0.0.1", 8083, kUnreachable));
}

}  // namespace
}  // namespace gantry::bridge
