// The rules in the kernel, and what others do to them.

#include <chrono>

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
