#include "networks/ipam_status.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gantry::networks {
namespace {

Network network_of(std::vector<network::v1::Pool> pools) {
  Network network;
  network.chosen = std::move(pools);
  return network;
}

Endpoint endpoint_at(const std::string& ipv4, const std::string& ipv6 = {}) {
  Endpoint endpoint;
  endpoint.result.ipv4 = ipv4;
  endpoint.result.ipv6 = ipv6;
  return endpoint;
}

TEST(IpamStatus, CountsAsTheApiSays) {
  const auto status = ipam_status(network_of({{"172.16.0.0/16", "", "172.16.0.1", {}}}), {});
  ASSERT_EQ(status.size(), 1U);
  EXPECT_EQ(status[0].subnet, "172.16.0.0/16");
  EXPECT_EQ(status[0].in_use, 3U) << "the network's, the gateway's and the broadcasts' address";
  EXPECT_EQ(status[0].available, 65533U);
}

TEST(IpamStatus, CountsFromTheRangeWhatIsAvailable) {
  const auto status = ipam_status(
      network_of({{"10.9.0.0/24", "10.9.0.128/25", "10.9.0.1", {{"printer", "10.9.0.130"}, {"scanner", "10.9.0.2"}}}}),
      {endpoint_at("10.9.0.128"), endpoint_at("10.9.0.3"), endpoint_at("")});
  EXPECT_EQ(status.at(0).in_use, 7U);
  EXPECT_EQ(status.at(0).available, 128U - 3) << "the printer, the first container and the broadcasts' address";
}

TEST(IpamStatus, SaturatesForLargeSubnets) {
  const auto status = ipam_status(network_of({{"10.9.0.0/24", "", "10.9.0.1", {}}, {"fd00::/64", "", "fd00::1", {}}}),
                                  {endpoint_at("10.9.0.2", "fd00::2")});
  ASSERT_EQ(status.size(), 2U);
  EXPECT_EQ(status[1].in_use, 3U);
  EXPECT_EQ(status[1].available, std::numeric_limits<std::uint64_t>::max() - 2);
  EXPECT_EQ(ipam_status(network_of({{"::/0", "", "", {}}}), {}).at(0).available,
            std::numeric_limits<std::uint64_t>::max());
}

TEST(IpamStatus, KnowsPairsAndFullOnes) {
  EXPECT_EQ(ipam_status(network_of({{"10.9.0.0/31", "", "10.9.0.0", {}}}), {}).at(0).available, 1U);
  const auto full = ipam_status(network_of({{"10.9.0.0/30", "", "10.9.0.1", {}}}), {endpoint_at("10.9.0.2")});
  EXPECT_EQ(full.at(0).available, 0U);
  EXPECT_TRUE(ipam_status(network_of({{"bogus", "", "", {}}}), {}).empty());
}

}  // namespace
}  // namespace gantry::networks
