// What the daemon's keys and a network's options change, as packets see it.

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

const Options kDefaultBridgeOnly{{"com.docker.network.bridge.default_bridge", "true"}};

TEST_F(BridgeDriver, UntranslatedContainersAreSeenAsTheyAre) {
  create('a', {{"com.docker.network.bridge.enable_ip_masquerade", "false"}});
  create('b');
  Sandbox plain;
  Sandbox translated;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1'), plain);
  attach(endpoint('b', '2'), translated);
  const Server far(outside.netns(), "tcp", 80);
  EXPECT_EQ(ask(plain.netns(), "tcp", "198.51.100.2", 80), made.ipv4);
  EXPECT_EQ(ask(translated.netns(), "tcp", "198.51.100.2", 80), "198.51.100.1");
}

TEST_F(BridgeDriver, TheDaemonTranslatesTheDefaultBridgeUnlessToldNotTo) {
  for (const char* masquerade : {"true", "false"}) {
    host_.settings = {{"ip-masq", masquerade}};
    reopen();
    create('a', kDefaultBridgeOnly);
    create('b');
    Sandbox sandbox;
    Sandbox other;
    const Outside outside;
    const Endpoint made = attach(endpoint('a', '1'), sandbox);
    attach(endpoint('b', '2'), other);
    const Server far(outside.netns(), "tcp", 80);
    const std::string seen = std::string(masquerade) == "true" ? "198.51.100.1" : made.ipv4;
    EXPECT_EQ(ask(sandbox.netns(), "tcp", "198.51.100.2", 80), seen);
    EXPECT_EQ(ask(other.netns(), "tcp", "198.51.100.2", 80), "198.51.100.1") << "other networks are translated";
    for (const char id : {'1', '2'}) driver_->detach(id_of(id == '1' ? 'a' : 'b'), id_of(id), call_);
    for (const char id : {'a', 'b'}) driver_->remove_network(id_of(id), call_);
  }
}

TEST_F(BridgeDriver, PortsAreBoundToTheNetworksAddress) {
  create('a', {{"com.docker.network.bridge.host_binding_ipv4", "127.0.0.1"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made =
      attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"tcp", 80, "198.51.100.1", 8081, 0}}), sandbox);
  ASSERT_EQ(made.ports.size(), 2U);
  EXPECT_EQ(made.ports[0].host_ip, "127.0.0.1");
  const Server server(sandbox.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, kUnreachable));
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8081)) << "a port with an address of its own";
}

TEST_F(BridgeDriver, ForwardingIsLeftAloneWhereAsked) {
  const Outside outside;
  const Server far(outside.netns(), "tcp", 80);
  ASSERT_TRUE(write_sysctl("ipv4/ip_forward", "0"));
  ASSERT_TRUE(write_sysctl("ipv6/conf/all/forwarding", "0"));
  host_.settings = {{"ip-forward", "false"}};
  reopen();
  create('a', {}, false, true);
  Sandbox sandbox;
  attach(endpoint('a', '1'), sandbox);
  EXPECT_EQ(read_sysctl("ipv4/ip_forward"), "0");
  EXPECT_EQ(read_sysctl("ipv6/conf/all/forwarding"), "0");
  EXPECT_FALSE(ask(sandbox.netns(), "tcp", "198.51.100.2", 80, kUnreachable));
  ASSERT_TRUE(write_sysctl("ipv4/ip_forward", "1"));
  EXPECT_TRUE(ask(sandbox.netns(), "tcp", "198.51.100.2", 80)) << "the host's owner decides";
}

TEST_F(BridgeDriver, IPv6HasNoRulesWhereAsked) {
  host_.settings = {{"ip6tables", "false"}};
  reopen();
  create('a', {}, false, true);
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  const Server server(sandbox.netns(), "tcp", 80, AF_INET6);
  const Server unpublished(sandbox.netns(), "tcp", 81, AF_INET6);
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8080)) << "IPv4 has them";
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv4, 81, kUnreachable));
  EXPECT_FALSE(ask(outside.netns(), "tcp", kHost6, 8080, kUnreachable));
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv6, 81));
  const Server far(outside.netns(), "tcp", 80, AF_INET6);
  EXPECT_EQ(ask(sandbox.netns(), "tcp", kOutside6, 80), made.ipv6);
}

TEST_F(BridgeDriver, TheDefaultBridgesGatewayMayBeAnotherMachine) {
  host_.settings = {{"bip", "10.200.0.1/24"},
                    {"bip6", "fd00:9::1/64"},
                    {"default-gateway", "10.200.0.254"},
                    {"default-gateway-v6", "fd00:9::fe"}};
  reopen();
  create('a', kDefaultBridgeOnly, false, true);
  Sandbox sandbox;
  const Endpoint made = attach(endpoint('a', '1'), sandbox);
  EXPECT_EQ(made.ipv4_gateway, "10.200.0.254");
  EXPECT_EQ(made.ipv6_gateway, "fd00:9::fe");
  test::inside(sandbox.netns(), [] {
    EXPECT_EQ(std::system("ip -4 route show default | grep -q 'via 10.200.0.254 dev eth0'"), 0);
    EXPECT_EQ(std::system("ip -6 route show default | grep -q 'via fd00:9::fe dev eth0'"), 0);
  });
}

TEST_F(BridgeDriver, TheDaemonKeepsContainersOfTheDefaultBridgeApartWhereAsked) {
  host_.settings = {{"icc", "false"}};
  reopen();
  create('a', kDefaultBridgeOnly, false, true);
  create('b');
  Sandbox one;
  Sandbox two;
  Sandbox three;
  Sandbox four;
  const Endpoint target = attach(endpoint('a', '1'), one);
  attach(endpoint('a', '2'), two);
  const Endpoint open = attach(endpoint('b', '3'), three);
  attach(endpoint('b', '4'), four);
  const Server server(one.netns(), "tcp", 80, AF_INET6);
  const Server other(three.netns(), "tcp", 80);
  EXPECT_FALSE(ask(two.netns(), "tcp", target.ipv4, 80, kUnreachable));
  EXPECT_FALSE(ask(two.netns(), "tcp", target.ipv6, 80, kUnreachable));
  EXPECT_TRUE(ask(own_.get(), "tcp", target.ipv4, 80));
  EXPECT_TRUE(ask(own_.get(), "tcp", target.ipv6, 80));
  EXPECT_TRUE(ask(four.netns(), "tcp", open.ipv4, 80)) << "other networks are as they say";
}

}  // namespace
}  // namespace gantry::bridge
