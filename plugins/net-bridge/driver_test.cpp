#include <list>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

TEST_F(BridgeDriver, ContainersOfABridgeReachEachOtherAndTheHost) {
  const auto network = create('a');
  EXPECT_EQ(network.interface, "br-aaaaaaaaaaaa");
  EXPECT_EQ(network.pools.at(0).subnet, "172.17.0.0/16");
  EXPECT_EQ(network.pools.at(0).gateway, "172.17.0.1");
  Sandbox one;
  Sandbox two;
  const Endpoint first = attach(endpoint('a', '1'), one);
  const Endpoint second = attach(endpoint('a', '2'), two);
  EXPECT_EQ(first.ipv4, "172.17.0.2");
  EXPECT_EQ(first.mac, "02:42:ac:11:00:02");
  EXPECT_EQ(second.ipv4, "172.17.0.3");
  Server server(two.netns(), "tcp", 80);
  EXPECT_EQ(ask(one.netns(), "tcp", second.ipv4, 80), first.ipv4);
  EXPECT_EQ(ask(own_.get(), "tcp", second.ipv4, 80), "172.17.0.1");
  Server host_server(own_.get(), "tcp", 81);
  EXPECT_EQ(ask(one.netns(), "tcp", "172.17.0.1", 81), first.ipv4);
}

TEST_F(BridgeDriver, AnAddressIsUsableAtReturn) {
  create('a');
  for (const char id : {'1', '2', '3', '4', '5'}) {
    Sandbox sandbox;
    const Endpoint made = attach(endpoint('a', id), sandbox);
    Server server(sandbox.netns(), "udp", 80);
    EXPECT_TRUE(ask(own_.get(), "udp", made.ipv4, 80, 500)) << "a first packet was lost";
    EXPECT_TRUE(ask(sandbox.netns(), "udp", made.ipv4, 80, 500)) << "the loopback is not up";
  }
}

TEST_F(BridgeDriver, PublishedPortsAreReachedFromEverywhere) {
  create('a');
  create('b');
  Sandbox web;
  Sandbox neighbour;
  Sandbox stranger;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), web);
  attach(endpoint('a', '2'), neighbour);
  attach(endpoint('b', '3'), stranger);
  ASSERT_EQ(made.ports.size(), 2U);
  EXPECT_EQ(made.ports[0].host_ip, "0.0.0.0");
  EXPECT_EQ(made.ports[1].host_ip, "::");
  Server server(web.netns(), "tcp", 80);
  EXPECT_EQ(ask(own_.get(), "tcp", "127.0.0.1", 8080), "172.17.0.1");
  EXPECT_TRUE(ask(own_.get(), "tcp", "198.51.100.1", 8080));
  EXPECT_TRUE(ask(own_.get(), "tcp", "172.17.0.1", 8080));
  EXPECT_EQ(ask(outside.netns(), "tcp", "198.51.100.1", 8080), "198.51.100.2") << "the client's address is kept";
  EXPECT_TRUE(ask(neighbour.netns(), "tcp", "198.51.100.1", 8080));
  EXPECT_TRUE(ask(stranger.netns(), "tcp", "198.51.100.1", 8080));
  EXPECT_TRUE(ask(stranger.netns(), "tcp", "172.18.0.1", 8080));
  EXPECT_EQ(ask(web.netns(), "tcp", "198.51.100.1", 8080), "172.17.0.1") << "hairpin";
}

TEST_F(BridgeDriver, DatagramsAndSingleHostAddressesToo) {
  create('a');
  Sandbox sandbox;
  const Outside outside;
  attach(endpoint('a', '1', {{"udp", 53, "", 5353, 0}, {"tcp", 80, "127.0.0.1", 8080, 0}}), sandbox);
  Server names(sandbox.netns(), "udp", 53);
  Server web(sandbox.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "udp", "127.0.0.1", 5353));
  EXPECT_TRUE(ask(outside.netns(), "udp", "198.51.100.1", 5353));
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_FALSE(ask(outside.netns(), "tcp", "198.51.100.1", 8080, kUnreachable));
}

TEST_F(BridgeDriver, BusyPortsAreReportedAsDockerdDoes) {
  create('a');
  Sandbox one;
  Sandbox two;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), one);
  EXPECT_EQ(failure(endpoint('a', '2', {{"tcp", 80, "", 8080, 0}}), two),
            "driver failed programming external connectivity on endpoint c-2 (" + id_of('2') +
                "): Bind for 0.0.0.0:8080 failed: port is already allocated");
  EXPECT_FALSE(test::can_listen("0.0.0.0", 8080)) << "the port is held against other programs";
  Server other(own_.get(), "tcp", 9090);
  EXPECT_EQ(failure(endpoint('a', '2', {{"tcp", 80, "", 9090, 0}}), two),
            "driver failed programming external connectivity on endpoint c-2 (" + id_of('2') +
                "): Error starting userland proxy: listen tcp4 0.0.0.0:9090: bind: address already in use");
  EXPECT_EQ(
      failure(endpoint('a', '2', {{"tcp", 80, "203.0.113.9", 9091, 0}}), two),
      "driver failed programming external connectivity on endpoint c-2 (" + id_of('2') +
          "): Error starting userland proxy: listen tcp4 203.0.113.9:9091: bind: cannot assign requested address");
  const Endpoint range = attach(endpoint('a', '2', {{"tcp", 80, "", 8080, 8083}, {"tcp", 81, "", 0, 0}}), two);
  EXPECT_EQ(range.ports.at(0).host_port, 8081);
  EXPECT_GE(range.ports.at(2).host_port, 32768);
  driver_->detach(id_of('a'), id_of('1'), call_);
  EXPECT_TRUE(test::can_listen("0.0.0.0", 8080));
}

TEST_F(BridgeDriver, BridgesAreApart) {
  create('a');
  create('b');
  Sandbox one;
  Sandbox two;
  const Outside outside;
  attach(endpoint('a', '1'), one);
  const Endpoint target = attach(endpoint('b', '2'), two);
  Server server(two.netns(), "tcp", 80);
  EXPECT_FALSE(ask(one.netns(), "tcp", target.ipv4, 80, kUnreachable));
  EXPECT_FALSE(ask(outside.netns(), "tcp", target.ipv4, 80, kUnreachable)) << "only published ports are open";
  Server far(outside.netns(), "tcp", 80);
  EXPECT_EQ(ask(two.netns(), "tcp", "198.51.100.2", 80), "198.51.100.1") << "masqueraded";
}

TEST_F(BridgeDriver, AnInternalNetworkHasNoWayOut) {
  create('a', {}, true);
  Sandbox one;
  Sandbox two;
  const Outside outside;
  const Endpoint first = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), one);
  EXPECT_EQ(first.ipv4_gateway, "");
  EXPECT_TRUE(first.ports.empty());
  const Endpoint second = attach(endpoint('a', '2'), two);
  Server near(two.netns(), "tcp", 80);
  Server far(outside.netns(), "tcp", 80);
  EXPECT_TRUE(ask(one.netns(), "tcp", second.ipv4, 80));
  EXPECT_FALSE(ask(one.netns(), "tcp", "198.51.100.2", 80, kUnreachable));
  test::inside(one.netns(), [] {
    Netlink there;
    there.set_default_route(there.find("eth0")->index, *parse_address("172.17.0.1"));
  });
  EXPECT_FALSE(ask(one.netns(), "tcp", "198.51.100.2", 80, kUnreachable)) << "also with a route of its own";
}

TEST_F(BridgeDriver, WithoutIccContainersReachOnlyTheHost) {
  create('a', {{"com.docker.network.bridge.enable_icc", "false"}});
  Sandbox one;
  Sandbox two;
  attach(endpoint('a', '1'), one);
  const Endpoint target = attach(endpoint('a', '2'), two);
  Server server(two.netns(), "tcp", 80);
  EXPECT_FALSE(ask(one.netns(), "tcp", target.ipv4, 80, kUnreachable));
  EXPECT_TRUE(ask(own_.get(), "tcp", target.ipv4, 80));
}

TEST_F(BridgeDriver, TheDefaultBridgeMovesWithTheConfig) {
  const Options options{{"com.docker.network.bridge.default_bridge", "true"}};
  create('a', options);
  host_.settings = {{"bip", "10.200.0.1/24"}};
  reopen();
  create('a', options);
  Netlink netlink;
  std::vector<std::string> addresses;
  for (const Address& address : netlink.addresses(netlink.find("gantry0")->index)) {
    if (address.family == AF_INET) addresses.push_back(address.text());
  }
  EXPECT_THAT(addresses, ::testing::ElementsAre("10.200.0.1"));
}

TEST_F(BridgeDriver, IPv6IsServedWhereAsked) {
  NetworkSpec spec;
  spec.id = id_of('a');
  spec.name = "six";
  spec.ipv6 = true;
  spec.pools = {{"fd00:9::/64", "", "", {}}};
  network::v1::Network made;
  driver_->create_network(spec, made, call_);
  EXPECT_EQ(made.pools.size(), 2U);
  Sandbox one;
  Sandbox two;
  const Outside outside;
  const Endpoint first = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), one);
  attach(endpoint('a', '2'), two);
  EXPECT_EQ(first.ipv6, "fd00:9::2");
  EXPECT_EQ(first.ipv6_gateway, "fd00:9::1");
  Server server(one.netns(), "tcp", 80, AF_INET6);
  EXPECT_EQ(ask(two.netns(), "tcp", "fd00:9::2", 80), "fd00:9::3");
  EXPECT_TRUE(ask(own_.get(), "tcp", "fd00:9::1", 8080));
  EXPECT_TRUE(ask(two.netns(), "tcp", "fd00:9::1", 8080));
}

TEST_F(BridgeDriver, ANetworkWithoutAPoolGetsAUniqueLocalOne) {
  const auto network = create('a', {}, false, true);
  EXPECT_TRUE(network.pools.at(1).subnet.starts_with("fd")) << network.pools.at(1).subnet;
}

TEST_F(BridgeDriver, ChoosesSubnetsThatTheHostDoesNotUse) {
  Sandbox other;
  Netlink().add_veth({"wire", 0, other.netns(), "wire", "02:42:c6:33:64:02", 0, false});
  Netlink netlink;
  netlink.add_address(netlink.find("wire")->index, *parse_cidr("172.17.5.1/24"));
  EXPECT_EQ(create('a').pools.at(0).subnet, "172.18.0.0/16");
  EXPECT_EQ(create('b').pools.at(0).subnet, "172.19.0.0/16");
  netlink.remove("wire");
}

TEST_F(BridgeDriver, DetachLeavesNothing) {
  create('a');
  Sandbox sandbox;
  const auto quiet = interfaces();
  const EndpointSpec spec = endpoint('a', '1', {{"tcp", 80, "", 8080, 0}});
  attach(spec, sandbox);
  driver_->detach(spec.network_id, spec.id, call_);
  Holdings holdings;
  driver_->list(holdings, call_);
  ASSERT_EQ(holdings.networks.size(), 1U);
  EXPECT_TRUE(holdings.networks[0].endpoint_ids.empty());
  driver_->detach(spec.network_id, spec.id, call_);
  EXPECT_EQ(attach(spec, sandbox).ipv4, "172.17.0.2") << "the same again waits for the old one's end";
  driver_->detach(spec.network_id, spec.id, call_);
  driver_->remove_network(spec.network_id, call_);
  EXPECT_FALSE(interfaces().contains("br-aaaaaaaaaaaa"));
  EXPECT_FALSE(interfaces().contains("veth11111111111"));
}

TEST_F(BridgeDriver, AContainerThatStartsAgainKeepsItsAddress) {
  create('a', {}, false, true);
  EndpointSpec other = endpoint('a', 'e');
  other.container_id = id_of('9');
  const Sandbox others;
  Endpoint first;
  std::list<Sandbox> runs;
  for (const char run : {'1', '2', '3', '4', '5', '6', '7', '8'}) {
    const Sandbox& sandbox = runs.emplace_back();
    const Endpoint made = attach(endpoint('a', run), sandbox);
    if (first.ipv4.empty()) first = made;
    EXPECT_EQ(made.ipv4, first.ipv4) << "run " << run;
    EXPECT_EQ(made.ipv6, first.ipv6) << "run " << run;
    EXPECT_NE(attach(other, others).ipv4, first.ipv4);
    const Server server(sandbox.netns(), "tcp", 80);
    EXPECT_TRUE(ask(others.netns(), "tcp", made.ipv4, 80)) << "the last run's interface has the address, too";
    driver_->detach(id_of('a'), id_of(run), call_);
  }
}

TEST_F(BridgeDriver, ANewContainerHasTheAddressOfTheOneThatWasRemovedBefore) {
  create('a', {}, false, true);
  std::list<Sandbox> sandboxes;
  std::list<Server> servers;
  const auto attach_new = [&](char id) {
    EndpointSpec spec = endpoint('a', id);
    spec.container_id = id_of(id);
    return attach(spec, sandboxes.emplace_back());
  };
  const Endpoint first = attach_new('1');
  const Endpoint second = attach_new('2');
  const Endpoint third = attach_new('3');
  driver_->detach(id_of('a'), id_of('2'), call_);
  driver_->detach(id_of('a'), id_of('1'), call_);
  const Endpoint next = attach_new('4');
  EXPECT_EQ(next.ipv4, first.ipv4) << "the lowest";
  EXPECT_EQ(next.ipv6, first.ipv6);
  const Server server(sandboxes.back().netns(), "tcp", 80);
  EXPECT_TRUE(ask(std::next(sandboxes.begin(), 2)->netns(), "tcp", next.ipv4, 80)) << "the old interface answers";
  EXPECT_EQ(attach_new('5').ipv4, second.ipv4);
  EXPECT_NE(attach_new('6').ipv4, third.ipv4);
}

TEST_F(BridgeDriver, AddressesOfAnIpamDriverAreFreeOnlyWhenTheInterfaceIsGone) {
  NetworkSpec spec;
  spec.id = id_of('a');
  spec.name = "net-a";
  spec.leased = true;
  spec.pools = {{"10.88.0.0/24", "", "10.88.0.1", {}}};
  network::v1::Network out;
  driver_->create_network(spec, out, call_);
  const Sandbox sandbox;
  EndpointSpec asked = endpoint('a', '1');
  asked.ipv4 = "10.88.0.9";
  attach(asked, sandbox);
  driver_->detach(id_of('a'), id_of('1'), call_);
  EXPECT_FALSE(interfaces().contains("veth11111111111"));
}

TEST_F(BridgeDriver, AContainerThatStartsAgainIsKnownToItsNeighboursByIpv6Alone) {
  NetworkSpec spec;
  spec.id = id_of('a');
  spec.name = "six";
  spec.ipv4 = false;
  spec.ipv6 = true;
  spec.pools = {{"fd00:6::/64", "", "", {}}};
  network::v1::Network made;
  driver_->create_network(spec, made, call_);
  std::list<Sandbox> runs;
  const Endpoint first = attach(endpoint('a', '1'), runs.emplace_back());
  EXPECT_EQ(first.ipv4, "");
  EXPECT_NE(attach(endpoint('a', '2'), runs.emplace_back()).mac, first.mac);
  driver_->detach(id_of('a'), id_of('1'), call_);
  EndpointSpec again = endpoint('a', '3');
  again.ipv6 = first.ipv6;
  EXPECT_EQ(attach(again, runs.emplace_back()).mac, first.mac);
}

TEST_F(BridgeDriver, ANewObjectTakesUpWhatItsPredecessorLeft) {
  const auto network = create('a');
  Sandbox one;
  Sandbox two;
  const EndpointSpec spec = endpoint('a', '1', {{"tcp", 80, "", 8080, 0}});
  const Endpoint made = attach(spec, one);
  attach(endpoint('a', '2'), two);
  Server server(one.netns(), "tcp", 80);
  reopen();
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080)) << "the kernel goes on without the daemon";
  EXPECT_EQ(create('a').pools.at(0).subnet, network.pools.at(0).subnet);
  const Endpoint again = attach(spec, one);
  EXPECT_EQ(again.ipv4, made.ipv4);
  EXPECT_EQ(again.ports.at(0).host_port, 8080);
  EXPECT_FALSE(test::can_listen("0.0.0.0", 8080));
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  Sandbox three;
  EXPECT_EQ(attach(endpoint('a', '3'), three).ipv4, "172.17.0.3") << "its holder is not on record any more";
  Holdings holdings;
  driver_->list(holdings, call_);
  EXPECT_THAT(holdings.networks.at(0).endpoint_ids,
              ::testing::UnorderedElementsAre(id_of('1'), id_of('2'), id_of('3')));
}

TEST_F(BridgeDriver, AddressesAreRefusedAsDockerdDoes) {
  create('a');
  Sandbox one;
  Sandbox two;
  EndpointSpec spec = endpoint('a', '1');
  spec.ipv4 = "172.17.0.9";
  EXPECT_EQ(attach(spec, one).ipv4, "172.17.0.9");
  spec.id = id_of('2');
  EXPECT_EQ(failure(spec, two), "Address already in use");
  spec.ipv4 = "10.1.2.3";
  EXPECT_EQ(failure(spec, two),
            "invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10.1.2.3");
}

TEST_F(BridgeDriver, PortsMayMoveToAnEndpointThatIsThere) {
  create('a');
  Sandbox sandbox;
  EndpointSpec spec = endpoint('a', '1');
  attach(spec, sandbox);
  spec.ports = {{"tcp", 80, "", 8080, 0}};
  EXPECT_EQ(attach(spec, sandbox).ports.size(), 2U);
  Server server(sandbox.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  spec.ports.clear();
  attach(spec, sandbox);
  EXPECT_FALSE(ask(own_.get(), "tcp", "127.0.0.1", 8080, kUnreachable));
}

TEST_F(BridgeDriver, PortsThatCannotMoveStayAsTheyWere) {
  create('a');
  Sandbox sandbox;
  EndpointSpec spec = endpoint('a', '1');
  spec.ports = {{"tcp", 80, "", 8080, 0}};
  attach(spec, sandbox);
  Server server(sandbox.netns(), "tcp", 80);
  // As good as a container that has renamed its interface: there is none of that name.
  Sandbox stranger;
  EndpointSpec other = spec;
  other.ports = {{"tcp", 80, "", 8081, 0}};
  EXPECT_THROW(attach(other, stranger), Error);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  EXPECT_FALSE(ask(own_.get(), "tcp", "127.0.0.1", 8081, kUnreachable));
  driver_->detach(spec.network_id, spec.id, call_);
  Sandbox next;
  EndpointSpec taker = endpoint('a', '2');
  taker.ports = spec.ports;
  EXPECT_EQ(attach(taker, next).ports.size(), 2U) << "nothing of the first one is left";
}

}  // namespace
}  // namespace gantry::bridge
