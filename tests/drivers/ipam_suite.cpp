#include "gantry/ipam.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <vector>

#include "subject.hpp"

namespace gantry::conformance {

using ipam::v1::Addresses;
using ipam::v1::EndpointRequest;
using ipam::v1::NetworkRequest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Ipam : public Suite<ipam::v1::Driver> {
 protected:
  void SetUp() override {
    Suite::SetUp();
    if (IsSkipped()) return;
    try {
      acquire('e');
    } catch (const Error& error) {
      const bool lacks = error.code() == Errc::unsupported || error.code() == Errc::unavailable;
      const bool wants_options = error.code() == Errc::invalid && object_options().empty();
      if (!lacks && !wants_options) throw;
      GTEST_SKIP() << error.what();
    }
    driver().release_pools(id_of('e'), call());
  }

  static std::string id_of(char digit) { return std::string(64, digit); }

  static NetworkRequest network(char number, std::vector<network::v1::Pool> pools = {}) {
    NetworkRequest out;
    out.id = id_of(number);
    out.name = std::string{"network-"} + number;
    out.options = object_options();
    out.pools = std::move(pools);
    out.ipv4 = true;
    return out;
  }

  std::vector<network::v1::Pool> acquire(char number, std::vector<network::v1::Pool> pools = {}) {
    std::vector<network::v1::Pool> out;
    driver().acquire_pools(network(number, std::move(pools)), out, call());
    return out;
  }

  static EndpointRequest endpoint(char network, std::string id, std::string ipv4 = {}) {
    EndpointRequest out;
    out.id = std::move(id);
    out.network_id = id_of(network);
    out.container_id = id_of('f');
    out.container_name = "box";
    out.mac = "02:42:0a:00:00:0" + std::string{out.id.back()};
    out.ipv4 = std::move(ipv4);
    return out;
  }

  std::string address(const EndpointRequest& asked) {
    Addresses out;
    driver().acquire_addresses(asked, out, call());
    return out.ipv4;
  }

  std::vector<std::string> networks() {
    std::vector<std::string> out;
    for (const auto& entry : holdings()) out.push_back(entry.network_id);
    return out;
  }
  std::vector<std::string> endpoints(char network) {
    for (const auto& entry : holdings()) {
      if (entry.network_id == id_of(network)) return entry.endpoint_ids;
    }
    return {};
  }

 private:
  std::vector<network::v1::Endpoints> holdings() {
    ipam::v1::Holdings out;
    driver().list(out, call());
    return out.networks;
  }
};

TEST_F(Ipam, PoolsAreAcquiredListedAndReleased) {
  const auto pools = acquire('a');
  ASSERT_FALSE(pools.empty());
  EXPECT_NE(pools.front().subnet.find('/'), std::string::npos) << pools.front().subnet;
  EXPECT_THAT(networks(), ElementsAre(id_of('a')));
  driver().release_pools(id_of('a'), call());
  EXPECT_THAT(networks(), IsEmpty());
}

TEST_F(Ipam, AcquiringPoolsMayBeRepeatedAlsoAfterTheDaemonsRestart) {
  const auto first = acquire('a');
  const auto again = acquire('a', first);
  reopen();
  const auto later = acquire('a', first);
  for (const auto* const pools : {&again, &later}) {
    ASSERT_EQ(pools->size(), first.size());
    EXPECT_EQ(pools->front().subnet, first.front().subnet);
    EXPECT_EQ(pools->front().gateway, first.front().gateway);
  }
  EXPECT_THAT(networks(), ElementsAre(id_of('a')));
}

TEST_F(Ipam, TwoNetworksSubnetsAreApart) {
  const auto one = acquire('a');
  const auto other = acquire('b');
  EXPECT_NE(one.front().subnet, other.front().subnet);
  EXPECT_THAT(networks(), UnorderedElementsAre(id_of('a'), id_of('b')));
}

TEST_F(Ipam, AddressesAreGivenOnceAndFoundAgain) {
  const auto pools = acquire('a');
  const std::string one = address(endpoint('a', id_of('1')));
  const std::string two = address(endpoint('a', id_of('2')));
  EXPECT_NE(one, "");
  EXPECT_NE(one, two);
  EXPECT_NE(one, pools.front().gateway);
  EXPECT_EQ(one.find('/'), std::string::npos) << "without prefix length";
  EXPECT_EQ(address(endpoint('a', id_of('1'), one)), one) << "it may be repeated";
  EXPECT_THAT(endpoints('a'), UnorderedElementsAre(id_of('1'), id_of('2')));
  reopen();
  acquire('a', pools);
  EXPECT_EQ(address(endpoint('a', id_of('1'), one)), one) << "also after the daemon's restart";
  EXPECT_EQ(address(endpoint('a', id_of('2'), two)), two);
  EXPECT_NE(address(endpoint('a', id_of('3'))), one);
}

TEST_F(Ipam, AnAddressInUseIsDenied) {
  acquire('a');
  const std::string taken = address(endpoint('a', id_of('1')));
  EXPECT_ERRC(address(endpoint('a', id_of('2'), taken)), Errc::denied);
  EXPECT_THAT(endpoints('a'), ElementsAre(id_of('1'))) << "nothing is left of what was refused";
  driver().release_addresses(id_of('a'), id_of('1'), call());
  EXPECT_EQ(address(endpoint('a', id_of('2'), taken)), taken);
}

TEST_F(Ipam, ManyAtOnceGetAddressesOfTheirOwn) {
  constexpr int kThreads = 8;
  constexpr int kEach = 8;
  acquire('a');
  const auto take = [this](int thread) {
    std::vector<std::string> out;
    for (int n = 0; n < kEach; ++n) {
      const std::string digits = std::to_string(100 + thread * kEach + n);
      out.push_back(address(endpoint('a', std::string(64 - digits.size(), '0') + digits)));
    }
    return out;
  };
  std::vector<std::future<std::vector<std::string>>> threads;
  for (int thread = 0; thread < kThreads; ++thread) threads.push_back(std::async(std::launch::async, take, thread));
  std::set<std::string> given;
  for (auto& thread : threads) {
    for (std::string& one : thread.get()) given.insert(std::move(one));
  }
  EXPECT_EQ(given.size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(Ipam, RemovalOfNothingSucceeds) {
  EXPECT_NO_THROW(driver().release_pools(id_of('a'), call()));
  EXPECT_NO_THROW(driver().release_addresses(id_of('a'), id_of('1'), call()));
  acquire('a');
  EXPECT_NO_THROW(driver().release_addresses(id_of('a'), id_of('1'), call()));
}

TEST_F(Ipam, AnUnknownNetworkIsNotFound) { EXPECT_ERRC(address(endpoint('b', id_of('1'))), Errc::not_found); }

}  // namespace gantry::conformance
