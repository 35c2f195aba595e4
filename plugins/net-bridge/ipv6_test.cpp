// Who reaches whom by IPv6: what the other tests show for IPv4.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

class BridgeIPv6 : public BridgeDriver {
 protected:
  void create6(char id, Options options = {}, bool internal = false) {
    NetworkSpec spec;
    spec.id = id_of(id);
    spec.name = std::string("net-") + id;
    spec.options = std::move(options);
    spec.internal = internal;
    spec.ipv6 = true;
    spec.pools = {{std::string("fd00:") + id + "::/64", "", "", {}}};
    network::v1::Network out;
    driver_->create_network(spec, out, call_);
  }
};

TEST_F(BridgeIPv6, NetworksAreApart) {
  create6('a');
  create6('b');
  Sandbox one;
  Sandbox two;
  Sandbox near;
  const Outside outside;
  attach(endpoint('a', '1'), one);
  const Endpoint target = attach(endpoint('b', '2', {{"tcp", 80, "", 8080, 0}}), two);
  const Endpoint neighbour = attach(endpoint('b', '3'), near);
  const Server published(two.netns(), "tcp", 80, AF_INET6);
  const Server closed(two.netns(), "tcp", 81, AF_INET6);
  EXPECT_EQ(ask(near.netns(), "tcp", target.ipv6, 81), neighbour.ipv6);
  for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{81}}) {
    EXPECT_FALSE(ask(one.netns(), "tcp", target.ipv6, port, kUnreachable)) << port;
    EXPECT_FALSE(ask(outside.netns(), "tcp", target.ipv6, port, kUnreachable)) << port;
  }
  EXPECT_TRUE(ask(one.netns(), "tcp", "fd00:a::1", 8080));
}

TEST_F(BridgeIPv6, PublishedPortsKeepTheClientsAddress) {
  create6('a');
  Sandbox web;
  const Outside outside;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"udp", 53, kHost6, 5353, 0}, {"tcp", 80, "::1", 8081, 0}}),
         web);
  const Server server(web.netns(), "tcp", 80, AF_INET6);
  const Server names(web.netns(), "udp", 53, AF_INET6);
  EXPECT_EQ(ask(outside.netns(), "tcp", kHost6, 8080), kOutside6);
  EXPECT_EQ(ask(outside.netns(), "udp", kHost6, 5353), kOutside6);
  EXPECT_FALSE(ask(outside.netns(), "tcp", kHost6, 8081, kUnreachable)) << "that is the loopback's";
  EXPECT_EQ(ask(web.netns(), "tcp", kHost6, 8080), "fd00:a::1") << "hairpin";
}

TEST_F(BridgeIPv6, TheWayOutIsTranslatedUnlessRouted) {
  create6('a');
  create6('b', {{"com.docker.network.bridge.gateway_mode_ipv6", "routed"}});
  create6('c', {{"com.docker.network.bridge.enable_ip_masquerade", "false"}});
  Sandbox one;
  Sandbox two;
  Sandbox three;
  const Outside outside;
  attach(endpoint('a', '1'), one);
  const Endpoint routed = attach(endpoint('b', '2', {{"tcp", 80, "", 8080, 0}}), two);
  const Endpoint plain = attach(endpoint('c', '3'), three);
  const Server far(outside.netns(), "tcp", 80, AF_INET6);
  EXPECT_EQ(ask(one.netns(), "tcp", kOutside6, 80), kHost6);
  EXPECT_EQ(ask(two.netns(), "tcp", kOutside6, 80), routed.ipv6);
  EXPECT_EQ(ask(three.netns(), "tcp", kOutside6, 80), plain.ipv6);
  const Server open(two.netns(), "tcp", 80, AF_INET6);
  const Server closed(two.netns(), "tcp", 81, AF_INET6);
  EXPECT_EQ(ask(outside.netns(), "tcp", routed.ipv6, 80), kOutside6);
  EXPECT_FALSE(ask(outside.netns(), "tcp", routed.ipv6, 81, kUnreachable));
  EXPECT_FALSE(ask(outside.netns(), "tcp", kHost6, 8080, kUnreachable));
}

TEST_F(BridgeIPv6, AnInternalNetworkHasNoWayOut) {
  create6('a', {}, true);
  Sandbox one;
  Sandbox two;
  const Outside outside;
  const Endpoint first = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), one);
  EXPECT_EQ(first.ipv6_gateway, "");
  const Endpoint second = attach(endpoint('a', '2'), two);
  const Server near(two.netns(), "tcp", 80, AF_INET6);
  const Server far(outside.netns(), "tcp", 80, AF_INET6);
  EXPECT_TRUE(ask(one.netns(), "tcp", second.ipv6, 80));
  EXPECT_FALSE(ask(one.netns(), "tcp", kOutside6, 80, kUnreachable));
  ASSERT_TRUE(write_sysctl("ipv6/conf/all/forwarding", "1"));
  for (const Sandbox* box : {&one, &two}) {
    test::inside(box->netns(), [] {
      Netlink there;
      there.set_default_route(there.find("eth0")->index, *parse_address("fd00:a::1"));
    });
  }
  EXPECT_FALSE(ask(one.netns(), "tcp", kOutside6, 80, kUnreachable)) << "also with a route of its own";
  EXPECT_FALSE(ask(outside.netns(), "tcp", second.ipv6, 80, kUnreachable)) << "nor a way in";
}

/// Where datagrams come to from anywhere, of both families.
class Letterbox {
 public:
  explicit Letterbox(int netns) {
    test::inside(netns, [this] {
      socket_.reset(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sockaddr_in6 all{};
      all.sin6_family = AF_INET6;
      all.sin6_port = htons(kPort);
      EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&all), sizeof all), 0);
    });
  }
  /// The next one; empty if there is none for long.
  [[nodiscard]] std::string next() const {
    pollfd ready{socket_.get(), POLLIN, 0};
    std::array<char, 64> text{};
    if (::poll(&ready, 1, 5000) != 1) return "";
    const ssize_t size = ::recv(socket_.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  static void post(int netns, const std::string& address, const std::string& text) {
    test::inside(netns, [&] {
      const UniqueFd from(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(kPort);
      const std::string mapped = address.find(':') == std::string::npos ? "::ffff:" + address : address;
      ASSERT_EQ(::inet_pton(AF_INET6, mapped.c_str(), &to.sin6_addr), 1);
      EXPECT_EQ(::sendto(from.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
                static_cast<ssize_t>(text.size()))
          << address << ": " << std::strerror(errno);
    });
  }

 private:
  static constexpr std::uint16_t kPort = 9000;
  UniqueFd socket_;
};

// One way is enough for a leak: with a route of its own and the bridge's MAC a container needs no answer.
TEST_F(BridgeIPv6, NotEvenOneDatagramLeavesAnInternalNetwork) {
  create6('a', {}, true);
  create6('b');
  Sandbox inner;
  Sandbox other;
  Sandbox sender;
  const Outside outside;
  attach(endpoint('a', '1'), inner);
  const Endpoint near = attach(endpoint('b', '2'), other);
  attach(endpoint('b', '3'), sender);
  const std::string mac = Netlink().find("br-aaaaaaaaaaaa")->mac;
  test::inside(inner.netns(), [&] {
    for (const char* gateway : {"172.17.0.254", "fd00:a::fe"}) {
      const std::string route = std::string("ip neigh add ") + gateway + " lladdr " + mac +
                                " dev eth0 && ip route replace default via " + gateway + " dev eth0";
      ASSERT_EQ(std::system(route.c_str()), 0);
    }
  });
  const Letterbox far(outside.netns());
  const Letterbox next_door(other.netns());
  for (const auto& [box, addresses] : {std::pair{&far, std::vector<std::string>{"198.51.100.2", kOutside6}},
                                       std::pair{&next_door, std::vector<std::string>{near.ipv4, near.ipv6}}}) {
    for (const std::string& address : addresses) {
      Letterbox::post(inner.netns(), address, "leak");
      Letterbox::post(sender.netns(), address, "sent");
      EXPECT_EQ(box->next(), "sent") << address;
    }
  }
}

TEST_F(BridgeIPv6, WithoutIccContainersReachOnlyTheHost) {
  create6('a', {{"com.docker.network.bridge.enable_icc", "false"}});
  Sandbox one;
  Sandbox two;
  attach(endpoint('a', '1'), one);
  const Endpoint target = attach(endpoint('a', '2'), two);
  const Server server(two.netns(), "tcp", 80, AF_INET6);
  EXPECT_FALSE(ask(one.netns(), "tcp", target.ipv6, 80, kUnreachable));
  EXPECT_TRUE(ask(own_.get(), "tcp", target.ipv6, 80));
}

TEST_F(BridgeIPv6, AnUnprotectedNetworkHasAllPortsOpen) {
  create6('a', {{"com.docker.network.bridge.gateway_mode_ipv6", "nat-unprotected"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1'), sandbox);
  const Server server(sandbox.netns(), "tcp", 81, AF_INET6);
  EXPECT_TRUE(ask(outside.netns(), "tcp", made.ipv6, 81));
  const Server far(outside.netns(), "tcp", 80, AF_INET6);
  EXPECT_EQ(ask(sandbox.netns(), "tcp", kOutside6, 80), kHost6) << "translated all the same";
}

TEST_F(BridgeIPv6, AnIsolatedNetworkDoesNotReachTheHost) {
  create6('a', {{"com.docker.network.bridge.gateway_mode_ipv6", "isolated"}}, true);
  Netlink netlink;
  for (const Address& address : netlink.addresses(netlink.find("br-aaaaaaaaaaaa")->index)) {
    EXPECT_EQ(address.family, AF_INET) << address.text();
  }
  Sandbox one;
  Sandbox two;
  const Endpoint target = attach(endpoint('a', '1'), one);
  attach(endpoint('a', '2'), two);
  const Server server(one.netns(), "tcp", 80, AF_INET6);
  EXPECT_TRUE(ask(two.netns(), "tcp", target.ipv6, 80));
  EXPECT_FALSE(ask(own_.get(), "tcp", target.ipv6, 80, kUnreachable));
}

TEST_F(BridgeIPv6, TrustedInterfacesReachPublishedPortsDirectly) {
  create6('a', {{"com.docker.network.bridge.trusted_host_interfaces", "wire"}});
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  const Server published(sandbox.netns(), "tcp", 80, AF_INET6);
  const Server closed(sandbox.netns(), "tcp", 81, AF_INET6);
  EXPECT_EQ(ask(outside.netns(), "tcp", made.ipv6, 80), kOutside6);
  EXPECT_FALSE(ask(outside.netns(), "tcp", made.ipv6, 81, kUnreachable));
}

TEST_F(BridgeIPv6, PortsObeyTheHostsFirewallWhereAsked) {
  create6('a', {{"gantry.firewall", "host"}});
  Sandbox guarded;
  const Outside outside;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"tcp", 80, kHost6, 8082, 0}}), guarded);
  const Server server(guarded.netns(), "tcp", 80, AF_INET6);
  const auto nft = [](const std::string& command) { EXPECT_EQ(std::system(("nft '" + command + "'").c_str()), 0); };
  nft("add table inet fw");
  nft("add chain inet fw input { type filter hook input priority 0; policy drop; }");
  nft("add rule inet fw input ct state established,related accept");
  nft("add rule inet fw input meta l4proto ipv6-icmp accept");
  EXPECT_FALSE(ask(outside.netns(), "tcp", kHost6, 8080, 1500));
  nft("add rule inet fw input tcp dport { 8080, 8082 } accept");
  EXPECT_EQ(ask(outside.netns(), "tcp", kHost6, 8080, 5000), kOutside6);
  EXPECT_TRUE(ask(outside.netns(), "tcp", kHost6, 8082, 5000));
}

TEST_F(BridgeIPv6, RulesArePutBack) {
  create6('a');
  create6('b');
  Sandbox web;
  Sandbox stranger;
  const Outside outside;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), web);
  const Endpoint apart = attach(endpoint('b', '2'), stranger);
  const Server server(web.netns(), "tcp", 80, AF_INET6);
  const Server other(stranger.netns(), "tcp", 80, AF_INET6);
  const Server far(outside.netns(), "tcp", 80, AF_INET6);
  ASSERT_TRUE(ask(outside.netns(), "tcp", kHost6, 8080));
  ASSERT_EQ(std::system("nft flush ruleset"), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool back = false;
  while (!back && std::chrono::steady_clock::now() < deadline) {
    back = ask(outside.netns(), "tcp", kHost6, 8080, 200).has_value();
  }
  EXPECT_TRUE(back);
  EXPECT_FALSE(ask(web.netns(), "tcp", apart.ipv6, 80, kUnreachable));
  EXPECT_EQ(ask(web.netns(), "tcp", kOutside6, 80), kHost6);
}

}  // namespace
}  // namespace gantry::bridge
