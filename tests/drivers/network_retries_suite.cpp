#include <fcntl.h>
#include <sched.h>

#include <algorithm>
#include <thread>

#include "gantry/network.hpp"
#include "gantry/unique_fd.hpp"
#include "subject.hpp"

namespace gantry::conformance {

using network::v1::Endpoint;
using network::v1::EndpointSpec;
using network::v1::Holdings;
using network::v1::NetworkSpec;

/// Calls that are repeated, fail, or come at once.
class NetworkRetries : public Suite<network::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    if (can("host-namespace") || can("no-interface")) GTEST_SKIP() << "has no networks of its own";
    try {
      create('e');
      driver().remove_network(id('e'), call());
    } catch (const Error& error) {
      if (error.code() != Errc::unsupported) throw;
      GTEST_SKIP() << error.what();
    }
  }

  static std::string id(char digit) { return std::string(64, digit); }

  network::v1::Network create(char number) {
    NetworkSpec spec;
    spec.id = id(number);
    spec.name = std::string{"conformance-"} + number;
    spec.options = object_options();
    network::v1::Network out;
    driver().create_network(spec, out, call());
    return out;
  }

  static EndpointSpec endpoint(char network, char number) {
    EndpointSpec spec;
    spec.id = id(number);
    spec.network_id = id(network);
    spec.container_id = id(number);
    spec.container_name = std::string{"container-"} + number;
    spec.interface = "eth0";
    spec.default_gateway = true;
    return spec;
  }

  Endpoint attach(const EndpointSpec& spec, const UniqueFd& sandbox) {
    Endpoint out;
    driver().attach(spec, sandbox.get(), out, call());
    return out;
  }

  /// A new network namespace.
  static UniqueFd sandbox() {
    UniqueFd made;
    std::thread{[&] {
      if (::unshare(CLONE_NEWNET) == 0) made.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }}.join();
    EXPECT_TRUE(made);
    return made;
  }

  std::vector<std::string> networks() {
    Holdings held;
    driver().list(held, call());
    std::vector<std::string> ids;
    for (const auto& network : held.networks) ids.push_back(network.network_id);
    return ids;
  }

  std::vector<std::string> endpoints(char network) {
    Holdings held;
    driver().list(held, call());
    for (const auto& each : held.networks) {
      if (each.network_id == id(network)) return each.endpoint_ids;
    }
    return {};
  }

  void TearDown() override {
    if (has_driver()) {
      Holdings held;
      driver().list(held, call());
      for (const auto& network : held.networks) {
        for (const std::string& endpoint : network.endpoint_ids) driver().detach(network.network_id, endpoint, call());
        driver().remove_network(network.network_id, call());
      }
      EXPECT_EQ(networks(), std::vector<std::string>{});
    }
    Suite::TearDown();
  }
};

TEST_F(NetworkRetries, CreateMayBeRepeated) {
  const auto first = create('a');
  const auto again = create('a');
  ASSERT_FALSE(first.pools.empty());
  ASSERT_FALSE(again.pools.empty());
  EXPECT_EQ(first.pools[0].subnet, again.pools[0].subnet);
  EXPECT_EQ(first.pools[0].gateway, again.pools[0].gateway);
  EXPECT_EQ(networks(), std::vector{id('a')});
}

TEST_F(NetworkRetries, TakesTheAddressThatIsAskedFor) {
  create('a');
  const UniqueFd one = sandbox();
  const UniqueFd two = sandbox();
  const std::string given = attach(endpoint('a', '1'), one).ipv4;
  driver().detach(id('a'), id('1'), call());
  EndpointSpec wanted = endpoint('a', '2');
  wanted.ipv4 = given;
  EXPECT_EQ(attach(wanted, two).ipv4, given);
}

TEST_F(NetworkRetries, AttachMayBeRepeated) {
  create('a');
  const UniqueFd place = sandbox();
  EndpointSpec spec = endpoint('a', '1');
  const Endpoint first = attach(spec, place);
  spec.ipv4 = first.ipv4;
  spec.mac = first.mac;
  const Endpoint again = attach(spec, place);
  EXPECT_EQ(again.ipv4, first.ipv4);
  EXPECT_EQ(again.mac, first.mac);
  EXPECT_EQ(endpoints('a'), std::vector{id('1')});
}

TEST_F(NetworkRetries, FailedAttachLeavesNothing) {
  const UniqueFd place = sandbox();
  EXPECT_ERRC(attach(endpoint('e', '1'), place), Errc::not_found);
  create('a');
  EndpointSpec outside = endpoint('a', '1');
  outside.ipv4 = "203.0.113.7";
  EXPECT_ERRC(attach(outside, place), Errc::invalid);
  const UniqueFd no_namespace{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  EXPECT_THROW(attach(endpoint('a', '1'), no_namespace), Error);
  EXPECT_EQ(endpoints('a'), std::vector<std::string>{});
  EXPECT_NO_THROW(attach(endpoint('a', '1'), place));
}

TEST_F(NetworkRetries, DetachOfNothingSucceeds) {
  EXPECT_NO_THROW(driver().detach(id('f'), id('f'), call()));
  create('a');
  EXPECT_NO_THROW(driver().detach(id('a'), id('f'), call()));
}

TEST_F(NetworkRetries, TakesManyAtOnce) {
  create('a');
  std::vector<std::thread> threads;
  std::vector<std::string> addresses(8);
  for (std::size_t n = 0; n < addresses.size(); ++n) {
    threads.emplace_back([&, n] {
      const UniqueFd place = sandbox();
      addresses[n] = attach(endpoint('a', static_cast<char>('1' + n)), place).ipv4;
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::ranges::sort(addresses);
  EXPECT_EQ(std::ranges::unique(addresses).size(), 0U);
  EXPECT_EQ(endpoints('a').size(), addresses.size());
}

}  // namespace gantry::conformance
