// How other hosts and this one reach containers, by the options of a network and of an endpoint.

#include <fstream>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

TEST_F(BridgeDriver, RoutedPortsAreOpenAtTheContainersAddress) {
  create('a', {{"com.docker.network.bridge.gateway_mode_ipv4", "routed"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  ASSERT_EQ(made.ports.size(), 1U);
  EXPECT_EQ(made.ports[0].host_ip, "0.0.0.0");
  EXPECT_EQ(made.ports[0].host_port, 0);
  EXPECT_TRUE(test::can_listen("0.0.0.0", 8080)) << "nothing is taken on the host";
  Server open(sandbox.netns(), "tcp", 80);
  Server closed(sandbox.netns(), "tcp", 81);
  EXPECT_EQ(ask(outside.netns(), "tcp", made.ipv4, 80), "198.51.100.2");
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv4, 81, kUnreachable));
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, kUnreachable));
  Server far(outside.netns(), "tcp", 80);
  EXPECT_EQ(ask(sandbox.netns(), "tcp", "198.51.100.2", 80), made.ipv4) << "not masqueraded";
  reopen();
  create('a', {{"com.docker.network.bridge.gateway_mode_ipv4", "routed"}});
  EndpointSpec again = endpoint('a', '1', made.ports);
  EXPECT_EQ(attach(again, sandbox).ports.at(0).host_port, 0);
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv4, 80));
  driver_->detach(again.network_id, again.id, call_);
}

TEST_F(BridgeDriver, EachFamilyHasAModeOfItsOwn) {
  create('a', {{"com.docker.network.bridge.gateway_mode_ipv6", "routed"}}, false, true);
  Sandbox sandbox;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  ASSERT_EQ(made.ports.size(), 2U);
  EXPECT_EQ(made.ports[0].host_ip, "0.0.0.0");
  EXPECT_EQ(made.ports[0].host_port, 8080);
  EXPECT_EQ(made.ports[1].host_ip, "::");
  EXPECT_EQ(made.ports[1].host_port, 0);
  Server server(sandbox.netns(), "tcp", 80, AF_INET6);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_TRUE(ask(own_.get(), "tcp", made.ipv6, 80));
  EXPECT_FALSE(ask(own_.get(), "tcp", "::1", 8080, kUnreachable));
}

TEST_F(BridgeDriver, WithoutIPv4OnlyIPv6IsPublished) {
  NetworkSpec spec;
  spec.id = id_of('a');
  spec.name = "six";
  spec.ipv6 = true;
  spec.ipv4 = false;
  network::v1::Network network;
  driver_->create_network(spec, network, call_);
  ASSERT_EQ(network.pools.size(), 1U);
  Sandbox sandbox;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  EXPECT_EQ(made.ipv4, "");
  ASSERT_EQ(made.ports.size(), 1U);
  EXPECT_EQ(made.ports[0].host_ip, "::");
  Server server(sandbox.netns(), "tcp", 80, AF_INET6);
  EXPECT_TRUE(ask(own_.get(), "tcp", network.pools.at(0).gateway, 8080));
  EXPECT_TRUE(test::can_listen("0.0.0.0", 8080));
}

TEST_F(BridgeDriver, AnUnprotectedNetworkHasAllPortsOpen) {
  create('a', {{"com.docker.network.bridge.gateway_mode_ipv4", "nat-unprotected"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  Server published(sandbox.netns(), "tcp", 80);
  Server other(sandbox.netns(), "tcp", 81);
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8080));
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv4, 81));
  Server far(outside.netns(), "tcp", 80);
  EXPECT_EQ(ask(sandbox.netns(), "tcp", "198.51.100.2", 80), "198.51.100.1") << "masqueraded all the same";
}

TEST_F(BridgeDriver, TrustedInterfacesReachPublishedPortsDirectly) {
  create('a', {{"com.docker.network.bridge.trusted_host_interfaces", "other:wire"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  Server published(sandbox.netns(), "tcp", 80);
  Server closed(sandbox.netns(), "tcp", 81);
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv4, 80));
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv4, 81, kUnreachable));
}

TEST_F(BridgeDriver, DirectRoutingReachesPublishedPortsFromEverywhere) {
  host_.settings["allow-direct-routing"] = "true";
  reopen();
  create('a');
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  Server published(sandbox.netns(), "tcp", 80);
  Server closed(sandbox.netns(), "tcp", 81);
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv4, 80));
  EXPECT_TRUE(ask(outside.netns(), "tcp", "198.51.100.1", 8080)) << "and as before";
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv4, 81, kUnreachable));
  driver_->detach(id_of('a'), id_of('1'), call_);
  Sandbox later;
  EndpointSpec second = endpoint('a', '2');
  second.ipv4 = made.ipv4;
  EXPECT_EQ(attach(second, later).ipv4, made.ipv4);
  Server behind(later.netns(), "tcp", 80);
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv4, 80, kUnreachable)) << "nothing is left of the port";
}

TEST_F(BridgeDriver, AnIsolatedNetworkDoesNotReachTheHost) {
  const auto network = create('a', {{"com.docker.network.bridge.gateway_mode_ipv4", "isolated"}}, true);
  EXPECT_EQ(network.pools.at(0).gateway, "");
  Netlink netlink;
  EXPECT_TRUE(netlink.addresses(netlink.find(network.interface)->index).empty() ||
              netlink.addresses(netlink.find(network.interface)->index).front().family == AF_INET6);
  Sandbox one;
  Sandbox two;
  EXPECT_EQ(attach(endpoint('a', '1'), one).ipv4, "172.17.0.1") << "no address is kept for a gateway";
  attach(endpoint('a', '2'), two);
  Server server(one.netns(), "tcp", 80);
  EXPECT_TRUE(ask(two.netns(), "tcp", "172.17.0.1", 80));
  EXPECT_FALSE(ask(own_.get(), "tcp", "172.17.0.1", 80, kUnreachable));
}

TEST_F(BridgeDriver, AnInhibitedAddressIsLeftToAnotherGateway) {
  const auto network = create('a', {{"com.docker.network.bridge.inhibit_ipv4", "true"}});
  EXPECT_EQ(network.pools.at(0).gateway, "172.17.0.1");
  Netlink netlink;
  for (const Address& address : netlink.addresses(netlink.find(network.interface)->index)) {
    EXPECT_EQ(address.family, AF_INET6) << address.text();
  }
  Sandbox one;
  EXPECT_EQ(attach(endpoint('a', '1'), one).ipv4_gateway, "172.17.0.1");
}

TEST_F(BridgeDriver, SetsTheInterfacesSysctls) {
  create('a');
  Sandbox sandbox;
  EndpointSpec spec = endpoint('a', '1');
  spec.options = {{"com.docker.network.endpoint.sysctls", "net.ipv4.conf.IFNAME.log_martians=1"}};
  attach(spec, sandbox);
  test::inside(sandbox.netns(), [] {
    std::ifstream file("/proc/sys/net/ipv4/conf/eth0/log_martians");
    int value = 0;
    file >> value;
    EXPECT_EQ(value, 1);
  });
  spec.id = id_of('2');
  spec.interface = "eth1";
  spec.options = {{"com.docker.network.endpoint.sysctls", "net.ipv4.conf.IFNAME.nonesuch=1"}};
  EXPECT_EQ(failure(spec, sandbox), "sysctl net/ipv4/conf/eth1/nonesuch can't be set to \"1\" for interface eth1");
}

}  // namespace
}  // namespace gantry::bridge
