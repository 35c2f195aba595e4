#include "gantry/network.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <net/if.h>
#include <sched.h>

#include <algorithm>
#include <set>
#include <thread>

#include "gantry/unique_fd.hpp"
#include "subject.hpp"

namespace gantry::conformance {
namespace {

using network::v1::Endpoint;
using network::v1::EndpointSpec;
using network::v1::Holdings;
using network::v1::NetworkSpec;
using network::v1::Port;

std::string id_of(char digit) { return std::string(64, digit); }

/// A network namespace of its own, as a container has it.
UniqueFd make_sandbox() {
  UniqueFd netns;
  std::thread([&netns] {
    if (::unshare(CLONE_NEWNET) == 0) netns.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  return netns;
}

/// The interfaces of a network namespace; of this one's for -1.
std::set<std::string> interfaces(int netns = -1) {
  std::set<std::string> names;
  std::thread([&names, netns] {
    if (netns >= 0 && ::setns(netns, CLONE_NEWNET) != 0) return;
    struct if_nameindex* list = ::if_nameindex();
    for (auto* entry = list; entry != nullptr && entry->if_index != 0; ++entry) names.insert(entry->if_name);
    ::if_freenameindex(list);
  }).join();
  return names;
}

}  // namespace

/// What network drivers promise. Drivers whose containers stay on the host's network are never asked to attach.
class Network : public Suite<network::v1::Driver> {
 protected:
  void SetUp() override {
    before_ = interfaces();
    Suite::SetUp();
    if (!IsSkipped()) skip_if_unsupported();
  }

  void TearDown() override {
    const bool judged = came_to_its_end();
    try {
      if (has_driver()) remove_all();
    } catch (const Error& error) {
      if (judged) ADD_FAILURE() << "what there is cannot be removed: " << error.what();
    }
    Suite::TearDown();
    if (!judged) return;
    EXPECT_EQ(interfaces(), before_) << "the driver left interfaces behind";
  }

  void remove_all() {
    for (const auto& network : list().networks) {
      for (const std::string& endpoint : network.endpoint_ids) driver().detach(network.network_id, endpoint, call());
      driver().remove_network(network.network_id, call());
    }
  }

  Holdings list() {
    Holdings holdings;
    driver().list(holdings, call());
    return holdings;
  }

  std::vector<std::string> listed_networks() {
    std::vector<std::string> ids;
    for (const auto& network : list().networks) ids.push_back(network.network_id);
    return ids;
  }

  std::vector<std::string> listed_endpoints(char network) {
    for (const auto& entry : list().networks) {
      if (entry.network_id == id_of(network)) return entry.endpoint_ids;
    }
    return {};
  }

  NetworkSpec spec(char id) {
    NetworkSpec out;
    out.id = id_of(id);
    out.name = std::string("network-") + id;
    out.options = object_options();
    return out;
  }

  network::v1::Network create(const NetworkSpec& asked) {
    network::v1::Network out;
    driver().create_network(asked, out, call());
    return out;
  }

  EndpointSpec endpoint(char network, char id) {
    EndpointSpec out;
    out.id = id_of(id);
    out.network_id = id_of(network);
    out.container_id = id_of('f');
    out.container_name = std::string("container-") + id;
    out.interface = "eth0";
    out.default_gateway = true;
    return out;
  }

  Endpoint attach(const EndpointSpec& asked, const UniqueFd& sandbox) {
    Endpoint out;
    driver().attach(asked, sandbox.get(), out, call());
    return out;
  }

  bool attaches() const { return !can("host-namespace") && !can("no-interface"); }

  /// Drivers of what this host's kernel does not have say so when a network is made.
  void skip_if_unsupported() {
    try {
      create(spec('e'));
    } catch (const Error& error) {
      if (error.code() == Errc::unsupported) GTEST_SKIP() << error.what();
      throw;
    }
    driver().remove_network(id_of('e'), call());
  }

 private:
  std::set<std::string> before_;
};

TEST_F(Network, GivesAddressesOfBothFamilies) {
  if (!attaches()) GTEST_SKIP() << "containers stay on the host's network";
  NetworkSpec dual = spec('a');
  dual.ipv6 = true;
  dual.pools = {{"10.213.0.0/24", "", "", {}}, {"fd00:213::/64", "", "", {}}};
  try {
    create(dual);
  } catch (const Error& error) {
    ASSERT_EQ(error.code(), Errc::unsupported) << error.what();
    GTEST_SKIP() << "the driver has no IPv6";
  }
  const UniqueFd sandbox = make_sandbox();
  const Endpoint made = attach(endpoint('a', '1'), sandbox);
  if (made.ipv6.empty()) GTEST_SKIP() << "the driver has no IPv6";
  EXPECT_TRUE(made.ipv4.starts_with("10.213.0.")) << made.ipv4;
  EXPECT_TRUE(made.ipv6.starts_with("fd00:213::")) << made.ipv6;
  EXPECT_EQ(made.ipv6_prefix, 64);
  const UniqueFd other = make_sandbox();
  EXPECT_NE(attach(endpoint('a', '2'), other).ipv6, made.ipv6);
  EndpointSpec again = endpoint('a', '1');
  again.ipv4 = made.ipv4;
  again.ipv6 = made.ipv6;
  EXPECT_EQ(attach(again, sandbox).ipv6, made.ipv6);
}

TEST_F(Network, IsMadeListedAndRemoved) {
  const auto made = create(spec('a'));
  EXPECT_THAT(listed_networks(), ::testing::ElementsAre(id_of('a')));
  const auto again = create(spec('a'));
  EXPECT_EQ(again.interface, made.interface);
  ASSERT_EQ(again.pools.size(), made.pools.size());
  for (std::size_t i = 0; i < made.pools.size(); ++i) {
    EXPECT_FALSE(made.pools[i].subnet.empty());
    EXPECT_FALSE(made.pools[i].gateway.empty());
    EXPECT_EQ(again.pools[i].subnet, made.pools[i].subnet);
  }
  driver().remove_network(id_of('a'), call());
  EXPECT_TRUE(listed_networks().empty());
}

TEST_F(Network, RemovalOfNothingSucceeds) {
  EXPECT_NO_THROW(driver().remove_network(id_of('a'), call()));
  EXPECT_NO_THROW(driver().detach(id_of('a'), id_of('1'), call()));
}

TEST_F(Network, JoinsASandbox) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  create(spec('a'));
  const UniqueFd sandbox = make_sandbox();
  const Endpoint made = attach(endpoint('a', '1'), sandbox);
  EXPECT_FALSE(made.mac.empty());
  EXPECT_FALSE(made.ipv4.empty() && made.ipv6.empty());
  EXPECT_TRUE(interfaces(sandbox.get()).contains("eth0"));
  EXPECT_THAT(listed_endpoints('a'), ::testing::ElementsAre(id_of('1')));
  const Endpoint again = attach(endpoint('a', '1'), sandbox);
  EXPECT_EQ(again.ipv4, made.ipv4);
  EXPECT_EQ(again.mac, made.mac);
  driver().detach(id_of('a'), id_of('1'), call());
  EXPECT_TRUE(listed_endpoints('a').empty());
  EXPECT_NO_THROW(driver().detach(id_of('a'), id_of('1'), call()));
}

TEST_F(Network, AttachToAnUnknownNetworkIsNotFound) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  const UniqueFd sandbox = make_sandbox();
  EXPECT_ERRC(attach(endpoint('a', '1'), sandbox), Errc::not_found);
  EXPECT_FALSE(interfaces(sandbox.get()).contains("eth0"));
}

TEST_F(Network, DetachesAfterTheSandboxsEnd) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  create(spec('a'));
  {
    const UniqueFd sandbox = make_sandbox();
    attach(endpoint('a', '1'), sandbox);
  }
  EXPECT_NO_THROW(driver().detach(id_of('a'), id_of('1'), call()));
  EXPECT_TRUE(listed_endpoints('a').empty());
}

TEST_F(Network, AddressesAreGivenOnce) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  create(spec('a'));
  std::set<std::string> seen;
  std::vector<UniqueFd> sandboxes;
  for (const char id : {'1', '2', '3', '4'}) {
    sandboxes.push_back(make_sandbox());
    const Endpoint made = attach(endpoint('a', id), sandboxes.back());
    EXPECT_TRUE(seen.insert(made.ipv4 + made.ipv6).second) << made.ipv4;
  }
}

TEST_F(Network, SubnetsOfOthersAreLeftAlone) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  const auto free = create(spec('a'));
  driver().remove_network(id_of('a'), call());
  if (free.pools.empty()) GTEST_SKIP() << "it gives no subnets";
  NetworkSpec asked = spec('b');
  asked.taken = {free.pools[0].subnet};
  EXPECT_NE(create(asked).pools.at(0).subnet, free.pools[0].subnet) << "not even when the driver chooses";
  NetworkSpec clash = spec('c');
  clash.pools = {{free.pools[0].subnet, "", "", {}}};
  clash.taken = asked.taken;
  EXPECT_ERRC(create(clash), Errc::denied);
}

TEST_F(Network, JoinsWithoutAddresses) {
  if (!can("no-addresses")) GTEST_SKIP() << "it gives addresses always";
  NetworkSpec asked = spec('a');
  asked.unaddressed = true;
  EXPECT_TRUE(create(asked).pools.empty());
  const UniqueFd sandbox = make_sandbox();
  const Endpoint made = attach(endpoint('a', '1'), sandbox);
  EXPECT_TRUE(made.ipv4.empty() && made.ipv6.empty()) << made.ipv4 << made.ipv6;
  EXPECT_FALSE(made.mac.empty());
  EXPECT_TRUE(interfaces(sandbox.get()).contains("eth0"));
  reopen();
  create(asked);
  EXPECT_EQ(attach(endpoint('a', '1'), sandbox).mac, made.mac);
}

TEST_F(Network, TakesTheInterfaceOutOfALiveSandbox) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  create(spec('a'));
  const UniqueFd sandbox = make_sandbox();
  attach(endpoint('a', '1'), sandbox);
  driver().detach(id_of('a'), id_of('1'), call());
  driver().remove_network(id_of('a'), call());  // waits for what a detach puts off
  EXPECT_FALSE(interfaces(sandbox.get()).contains("eth0"));
}

TEST_F(Network, SubnetsDoNotOverlap) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  const auto one = create(spec('a'));
  const auto two = create(spec('b'));
  if (one.pools.empty()) GTEST_SKIP() << "it gives no subnets";
  EXPECT_NE(one.pools[0].subnet, two.pools.at(0).subnet);
  NetworkSpec clash = spec('c');
  clash.pools = {{one.pools[0].subnet, "", "", {}}};
  EXPECT_ERRC(create(clash), Errc::denied);
  EXPECT_EQ(listed_networks().size(), 2U) << "a refused network leaves nothing";
}

TEST_F(Network, APortIsPublishedOnce) {
  if (!attaches() || !can("port-publish")) GTEST_SKIP() << "it publishes no ports";
  create(spec('a'));
  const UniqueFd one = make_sandbox();
  const UniqueFd two = make_sandbox();
  EndpointSpec first = endpoint('a', '1');
  first.ports = {{"tcp", 80, "127.0.0.1", 18080, 0}, {"udp", 53, "127.0.0.1", 0, 0}};
  const Endpoint made = attach(first, one);
  ASSERT_EQ(made.ports.size(), 2U);
  EXPECT_EQ(made.ports[0].host_port, 18080);
  EXPECT_NE(made.ports[1].host_port, 0) << "a free one is chosen";
  EndpointSpec second = endpoint('a', '2');
  second.ports = {{"tcp", 80, "127.0.0.1", 18080, 0}};
  EXPECT_ERRC(attach(second, two), Errc::exhausted);
  EXPECT_FALSE(interfaces(two.get()).contains("eth0")) << "all or nothing";
  EXPECT_THAT(listed_endpoints('a'), ::testing::ElementsAre(id_of('1')));
  driver().detach(id_of('a'), id_of('1'), call());
  EXPECT_NO_THROW(attach(second, two)) << "a detached endpoint's ports are free";
}

TEST_F(Network, SurvivesTheDaemon) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  NetworkSpec asked = spec('a');
  const auto made = create(asked);
  const UniqueFd sandbox = make_sandbox();
  EndpointSpec place = endpoint('a', '1');
  const Endpoint before = attach(place, sandbox);
  reopen();
  EXPECT_THAT(listed_endpoints('a'), ::testing::ElementsAre(id_of('1')));
  EXPECT_TRUE(interfaces(sandbox.get()).contains("eth0"));
  asked.pools = made.pools;
  create(asked);
  place.ipv4 = before.ipv4;
  place.ipv6 = before.ipv6;
  place.mac = before.mac;
  const Endpoint after = attach(place, sandbox);
  EXPECT_EQ(after.ipv4, before.ipv4);
  EXPECT_EQ(after.mac, before.mac);
}

TEST_F(Network, UnrecordedThingsCanBeGivenUpAfterARestart) {
  if (!attaches()) GTEST_SKIP() << "its containers stay on the host's network";
  create(spec('a'));
  {
    const UniqueFd sandbox = make_sandbox();
    attach(endpoint('a', '1'), sandbox);
  }
  reopen();
  remove_all();
  EXPECT_TRUE(listed_networks().empty());
}

}  // namespace gantry::conformance
