#include <gtest/gtest.h>
#include <sys/socket.h>

#include "address_plan.hpp"
#include "anti_spoofing.hpp"
#include "gantry/error.hpp"
#include "net_link/address_pool.hpp"
#include "net_link/leases.hpp"
#include "network_options.hpp"
#include "nftables.hpp"
#include "sandbox.hpp"

namespace gantry::bridge {
namespace {

using network::v1::NetworkSpec;
using network::v1::Port;

Subnet subnet(const std::string& text) { return parse_cidr(text).value().subnet(); }
Address address(const std::string& text) { return parse_address(text).value(); }

TEST(Address, ReadsAndWritesBothFamilies) {
  EXPECT_EQ(address("172.17.0.2").text(), "172.17.0.2");
  EXPECT_EQ(address("fd00:0:0::2").text(), "fd00::2");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "fd00:::1", "host"})
    EXPECT_FALSE(parse_address(text)) << text;
  for (const char* text : {"1.2.3.4", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/2x", "fd00::/129"}) {
    EXPECT_FALSE(parse_cidr(text)) << text;
  }
}

TEST(Subnet, KnowsWhatIsInside) {
  EXPECT_TRUE(subnet("10.0.0.0/8").overlaps(subnet("10.9.0.0/24")));
  EXPECT_TRUE(subnet("10.9.0.0/24").overlaps(subnet("10.0.0.0/8")));
  EXPECT_FALSE(subnet("10.9.0.0/24").overlaps(subnet("10.9.1.0/24")));
  EXPECT_FALSE(subnet("0.0.0.0/0").contains(address("::1")));
  EXPECT_TRUE(subnet("::/0").contains(address("ffff::1")));
}

TEST(AddressPool, GivesTheLowestFreeAddress) {
  AddressPool pool(subnet("10.9.0.0/29"), std::nullopt);
  EXPECT_TRUE(pool.take(address("10.9.0.1")));
  EXPECT_EQ(pool.take()->text(), "10.9.0.2");
  EXPECT_TRUE(pool.take(address("10.9.0.3")));
  EXPECT_EQ(pool.take()->text(), "10.9.0.4");
  pool.release(address("10.9.0.2"));
  EXPECT_EQ(pool.take()->text(), "10.9.0.2");
  EXPECT_FALSE(pool.take(address("10.9.0.2")));
  EXPECT_EQ(pool.take()->text(), "10.9.0.5");
  EXPECT_EQ(pool.take()->text(), "10.9.0.6");
  EXPECT_FALSE(pool.take()) << "the last one is for broadcasts";
}

TEST(Leases, WhoLeavesIsNextWhereNobodyLowerIsFree) {
  const Subnet subnet = parse_cidr("10.0.0.0/24")->subnet();
  Leases leases("n", "id", {FamilyPlan{subnet, parse_cidr("10.0.0.0/28")->subnet(), std::nullopt, {}}});
  for (const char* id : {"a", "b", "c"}) leases.lease(id, "", "");
  leases.lease("far", "10.0.0.200", "");
  EXPECT_EQ(leases.next_among({}), "");
  EXPECT_EQ(leases.next_among({"c", "b", "far", "unknown"}), "b");
  EXPECT_EQ(leases.next_among({"far"}), "") << "it was asked for by name";
  leases.release("a");
  EXPECT_EQ(leases.next_among({"b", "c"}), "") << "a lower one is free";
}

TEST(AddressPool, GivesFromTheRangeButTakesFromTheSubnet) {
  AddressPool pool(subnet("10.9.0.0/24"), subnet("10.9.0.128/25"));
  EXPECT_EQ(pool.take()->text(), "10.9.0.128");
  EXPECT_TRUE(pool.take(address("10.9.0.9")));
  EXPECT_FALSE(pool.take(address("10.9.0.0")));
  EXPECT_FALSE(pool.take(address("10.9.1.1")));
}

TEST(AddressPool, EndsAtTheEndOfTheAddressSpace) {
  AddressPool pool(subnet("255.255.255.252/30"), std::nullopt);
  EXPECT_TRUE(pool.take());
  EXPECT_TRUE(pool.take());
  EXPECT_FALSE(pool.take());
  AddressPool pair(subnet("10.0.0.0/31"), std::nullopt);
  EXPECT_EQ(pair.take()->text(), "10.0.0.0");
  EXPECT_EQ(pair.take()->text(), "10.0.0.1");
  EXPECT_FALSE(pair.take());
}

TEST(SubnetChoice, AvoidsWhatIsUsed) {
  const auto sources = default_sources();
  EXPECT_EQ(choose_subnet(sources, AF_INET, {})->text(), "172.17.0.0/16");
  EXPECT_EQ(choose_subnet(sources, AF_INET, {subnet("172.17.3.0/24"), subnet("172.18.0.0/15")})->text(),
            "172.20.0.0/16");
  EXPECT_EQ(choose_subnet(sources, AF_INET, {subnet("172.16.0.0/12")})->text(), "192.168.0.0/20");
  EXPECT_EQ(choose_subnet(sources, AF_INET, {subnet("172.16.0.0/12"), subnet("192.168.1.0/24")})->text(),
            "192.168.16.0/20");
  EXPECT_FALSE(choose_subnet(sources, AF_INET, {subnet("0.0.0.0/0")}));
  EXPECT_FALSE(choose_subnet(sources, AF_INET6, {}));
}

TEST(SubnetChoice, AHostHasOneUniqueLocalPrefix) {
  const Subnet one = unique_local_prefix("0123456789abcdef0123456789abcdef");
  EXPECT_EQ(one, unique_local_prefix("0123456789abcdef0123456789abcdef"));
  EXPECT_NE(one.text(), unique_local_prefix("1123456789abcdef0123456789abcdef").text());
  EXPECT_NE(unique_local_prefix("").text(), unique_local_prefix("").text());
  EXPECT_TRUE(subnet("fd00::/8").contains(one));
  EXPECT_EQ(one.prefix, 48);
  EXPECT_EQ(one.text().find("123456"), std::string::npos) << "the id itself is not shown";
  const auto first = choose_subnet({{one, 64}}, AF_INET6, {});
  const auto second = choose_subnet({{one, 64}}, AF_INET6, {*first});
  EXPECT_TRUE(one.contains(*second) && *first != *second && second->prefix == 64);
}

TEST(SubnetChoice, ReadsDockerdsNotation) {
  const auto settings =
      parse_settings({{"default-address-pools", "base=10.10.0.0/16 size=24,base=fd00:1::/48 size=64"}});
  ASSERT_EQ(settings.sources.size(), 2U);
  EXPECT_EQ(choose_subnet(settings.sources, AF_INET, {subnet("10.10.0.0/24")})->text(), "10.10.1.0/24");
  EXPECT_EQ(choose_subnet(settings.sources, AF_INET6, {})->text(), "fd00:1::/64");
  EXPECT_EQ(parse_settings({{"default-address-pools", "base=10.10.0.0/16,size=24"}}).sources.size(), 1U);
  for (const char* text : {"nonsense", "base=10.10.0.0/16", "base=10.10.0.0/16 size=8", "base=x size=24"}) {
    EXPECT_THROW(parse_settings({{"default-address-pools", text}}), Error) << text;
  }
}

std::string refusal(const std::vector<network::v1::Pool>& pools, Options options = {}) {
  NetworkSpec spec;
  spec.id = std::string(64, 'a');
  spec.pools = pools;
  spec.options = std::move(options);
  UsedSubnets used;
  used.networks = {subnet("10.9.0.0/24")};
  used.host = [] { return std::vector<Subnet>{}; };
  try {
    const Settings settings = parse_settings({});
    plan_addresses(spec, parse_options(spec, settings), settings, used);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(AddressPlan, RefusesInDockerdsWords) {
  EXPECT_EQ(refusal({{"10.9.0.0/25", "", "", {}}}), "Pool overlaps with other one on this address space");
  EXPECT_EQ(refusal({{"10.9.1.3/24", "", "", {}}}),
            "invalid network config:\ninvalid subnet 10.9.1.3/24: it should be 10.9.1.0/24");
  EXPECT_EQ(refusal({{"10.9.2.0/24", "", "1.2.3.4", {}}}),
            "invalid network config:\ninvalid gateway 1.2.3.4: parent subnet 10.9.2.0/24 doesn't contain this address");
  EXPECT_EQ(
      refusal({{"10.9.3.0/24", "10.8.0.0/25", "", {}}}),
      "invalid network config:\ninvalid ip-range 10.8.0.0/25: parent subnet 10.9.3.0/24 doesn't contain ip-range");
  EXPECT_EQ(refusal({{"nonsense", "", "", {}}}),
            "invalid network config:\ninvalid subnet nonsense: invalid CIDR block notation");
  EXPECT_EQ(
      refusal({{"10.9.4.0/24", "", "", {{"a", "1.1.1.1"}}}}),
      "invalid network config:\ninvalid auxiliary address a: parent subnet 10.9.4.0/24 doesn't contain this address");
  EXPECT_EQ(refusal({{"10.9.4.0/24", "10.9.4.3/25", "", {}}}),
            "invalid network config:\ninvalid ip-range 10.9.4.3/25: it should be 10.9.4.0/25");
  EXPECT_EQ(refusal({{"10.9.4.0/24", "", "10.9.4.255", {}}}),
            "failed to allocate gateway (10.9.4.255): Address already in use");
  EXPECT_EQ(refusal({{"10.9.4.0/24", "", "10.9.4.9", {{"a", "10.9.4.9"}}}}),
            "failed to allocate secondary ip address (a:10.9.4.9): Address already in use");
  EXPECT_EQ(refusal({{"10.9.5.0/24", "", "", {}}, {"10.9.6.0/24", "", "", {}}}),
            "bridge driver doesn't support multiple subnets");
  EXPECT_EQ(refusal({{"10.9.5.0/24", "", "", {}}, {"10.9.5.128/25", "", "", {}}}),
            "Pool overlaps with other one on this address space");
  EXPECT_EQ(refusal({}, {{"com.docker.network.driver.mtu", "abc"}}),
            "failed to parse com.docker.network.driver.mtu value: abc (strconv.Atoi: parsing \"abc\": invalid syntax)");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.enable_icc", "abc"}}),
            "failed to parse com.docker.network.bridge.enable_icc value: abc (strconv.ParseBool: parsing \"abc\": "
            "invalid syntax)");
  EXPECT_NE(refusal({}, {{"com.docker.network.bridge.name", "a\" }; flush ruleset"}}), "");
  EXPECT_NE(refusal({}, {{"com.docker.network.bridge.name", ".."}}), "");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.host_binding_ipv4", "x"}}),
            "failed to parse com.docker.network.bridge.host_binding_ipv4 value: x (nil ip)");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.host_binding_ipv4", ""}}),
            "failed to parse com.docker.network.bridge.host_binding_ipv4 value:  (nil ip)");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.host_binding_ipv4", "::1"}}), "");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.gateway_mode_ipv4", "tunnel"}}),
            "failed to parse com.docker.network.bridge.gateway_mode_ipv4 value: tunnel (unknown gateway mode tunnel)");
  EXPECT_EQ(refusal({}, {{"com.docker.network.bridge.gateway_mode_ipv6", "isolated"}}),
            "gateway mode 'isolated' can only be used for an internal network");
  EXPECT_EQ(
      refusal({}, {{"com.docker.network.bridge.inhibit_ipv4", "x"}}),
      "failed to parse com.docker.network.bridge.inhibit_ipv4 value: x (strconv.ParseBool: parsing \"x\": invalid "
      "syntax)");
  EXPECT_EQ(refusal({}, {{"gantry.firewall", "ufw"}}),
            "failed to parse gantry.firewall value: ufw (\"host\" or \"own\" was expected)");
  EXPECT_EQ(refusal({}, {{"gantry.anti-spoofing", "x"}}),
            "failed to parse gantry.anti-spoofing value: x (strconv.ParseBool: parsing \"x\": invalid syntax)");
  EXPECT_NE(refusal({}, {{"com.docker.network.bridge.trusted_host_interfaces", "eth0:a\""}}), "");
}

TEST(AddressPlan, AnIsolatedNetworkHasNoGateway) {
  NetworkSpec spec;
  spec.id = std::string(64, 'a');
  spec.internal = true;
  spec.options = {{"com.docker.network.bridge.gateway_mode_ipv4", "isolated"}};
  const Settings settings = parse_settings({});
  const NetworkOptions options = parse_options(spec, settings);
  const UsedSubnets none{{}, [] { return std::vector<Subnet>{}; }};
  EXPECT_FALSE(plan_addresses(spec, options, settings, none).ipv4->gateway);
  spec.pools = {{"10.9.0.0/24", "", "10.9.0.9", {}}};
  EXPECT_EQ(plan_addresses(spec, options, settings, none).ipv4->gateway->text(), "10.9.0.9") << "as the user says";
}

TEST(InterfaceSysctls, AreOfTheInterfaceOnly) {
  const auto ask = [](const std::string& text) {
    return interface_sysctls({{"com.docker.network.endpoint.sysctls", text}}, "eth0");
  };
  const auto two = ask("net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2");
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].path, "ipv4/conf/eth0/log_martians");
  EXPECT_EQ(two[1].value, "2");
  EXPECT_TRUE(interface_sysctls({}, "eth0").empty());
  for (const char* wrong : {"x", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.forwarding=1", "kernel.a.b.IFNAME.c=1",
                            "net.ipv4.conf.IFNAME.a/../b=1", "net.ipv4.conf.IFNAME.x"}) {
    EXPECT_THROW(ask(wrong), Error) << wrong;
  }
}

TEST(AddressPlan, TheDefaultBridgeFollowsTheConfig) {
  NetworkSpec spec;
  spec.id = std::string(64, 'a');
  spec.options = {{"com.docker.network.bridge.default_bridge", "true"}};
  const Settings settings =
      parse_settings({{"bip", "10.200.0.1/24"}, {"fixed-cidr", "10.200.0.128/25"}, {"mtu", "1400"}, {"icc", "false"}});
  const NetworkOptions options = parse_options(spec, settings);
  EXPECT_EQ(options.interface, "gantry0");
  EXPECT_EQ(options.mtu, 1400);
  EXPECT_FALSE(options.icc);
  const AddressPlan plan = plan_addresses(spec, options, settings, {{}, [] { return std::vector<Subnet>{}; }});
  EXPECT_EQ(plan.pools().at(0).subnet, "10.200.0.0/24");
  EXPECT_EQ(plan.pools().at(0).ip_range, "10.200.0.128/25");
  EXPECT_EQ(plan.pools().at(0).gateway, "10.200.0.1");
}

AddressPlan default_bridge(const Options& keys, bool ipv6 = false, std::vector<network::v1::Pool> known = {}) {
  NetworkSpec spec;
  spec.id = std::string(64, 'a');
  spec.options = {{"com.docker.network.bridge.default_bridge", "true"}};
  spec.ipv6 = ipv6;
  spec.pools = std::move(known);
  const Settings settings = parse_settings(keys);
  return plan_addresses(spec, parse_options(spec, settings), settings, {{}, [] { return std::vector<Subnet>{}; }});
}

TEST(AddressPlan, AFixedCidrAloneIsTheSubnet) {
  const AddressPlan alone = default_bridge({{"fixed-cidr", "10.200.1.0/25"}});
  EXPECT_EQ(alone.ipv4->subnet.text(), "10.200.1.0/25");
  EXPECT_FALSE(alone.ipv4->range);
  EXPECT_EQ(alone.ipv4->gateway->text(), "10.200.1.1");
  const AddressPlan within =
      default_bridge({{"fixed-cidr", "172.17.5.0/24"}}, false, {{"172.17.0.0/16", "", "172.17.0.1", {}}});
  EXPECT_EQ(within.ipv4->subnet.text(), "172.17.0.0/16") << "as it was";
  EXPECT_EQ(within.ipv4->range->text(), "172.17.5.0/24");
  const AddressPlan without = default_bridge({}, false, {{"172.17.0.0/16", "172.17.5.0/24", "172.17.0.1", {}}});
  EXPECT_FALSE(without.ipv4->range) << "the key is gone";
}

TEST(AddressPlan, TheDefaultBridgeHasIPv6AsConfigured) {
  const AddressPlan own = default_bridge({{"bip6", "fd00:9::5/64"}, {"fixed-cidr-v6", "fd00:9::100/120"}}, true);
  EXPECT_EQ(own.ipv6->subnet.text(), "fd00:9::/64");
  EXPECT_EQ(own.ipv6->range->text(), "fd00:9::100/120");
  EXPECT_EQ(own.ipv6->gateway->text(), "fd00:9::5");
  EXPECT_EQ(default_bridge({{"fixed-cidr-v6", "fd00:9::/64"}}, true).ipv6->gateway->text(), "fd00:9::1");
  EXPECT_TRUE(default_bridge({}, true).ipv6->subnet.text().starts_with("fd"));
  EXPECT_FALSE(default_bridge({{"fixed-cidr-v6", "fd00:9::/64"}}, false).ipv6);
}

TEST(AddressPlan, RefusesKeysThatContradictEachOther) {
  EXPECT_THROW(default_bridge({{"bip", "10.200.0.1/24"}, {"fixed-cidr", "10.201.0.0/24"}}), Error);
  EXPECT_THROW(default_bridge({{"bip", "10.200.0.1/24"}, {"default-gateway", "10.201.0.1"}}), Error);
  EXPECT_THROW(parse_settings({{"bip", "fd00::1/64"}}), Error);
  EXPECT_THROW(parse_settings({{"fixed-cidr-v6", "10.0.0.0/8"}}), Error);
  EXPECT_THROW(parse_settings({{"default-gateway-v6", "10.0.0.1"}}), Error);
}

TEST(Nftables, APortIsAnElementAndNoRule) {
  const std::vector<PortRule> any{{"tcp", {AF_INET, 0}, 8080, address("172.17.0.2"), 80, {}, false}};
  EXPECT_EQ(add_port_rules(any),
            "add element inet gantry published_any4 { tcp . 8080 : 172.17.0.2 . 80 }\n"
            "add element inet gantry hairpin4 { 172.17.0.2 . 172.17.0.2 }\n");
  EXPECT_EQ(remove_port_rules(any),
            "add element inet gantry published_any4 { tcp . 8080 : 172.17.0.2 . 80 }\n"
            "delete element inet gantry published_any4 { tcp . 8080 : 172.17.0.2 . 80 }\n"
            "add element inet gantry hairpin4 { 172.17.0.2 . 172.17.0.2 }\n"
            "delete element inet gantry hairpin4 { 172.17.0.2 . 172.17.0.2 }\n");
  const std::vector<PortRule> one{{"udp", address("fd00::9"), 53, address("fd00::2"), 5353, {}, false}};
  EXPECT_EQ(add_port_rules(one),
            "add element inet gantry published_on6 { fd00::9 . udp . 53 : fd00::2 . 5353 }\n"
            "add element inet gantry hairpin6 { fd00::2 . fd00::2 }\n");
}

TEST(Nftables, AnUntranslatedPortIsOpenAtItsContainer) {
  EXPECT_EQ(add_port_rules({{"tcp", {AF_INET, 0}, 0, address("172.17.0.2"), 80, {}, false}}),
            "add element inet gantry open4 { 172.17.0.2 . tcp . 80 }\n");
  EXPECT_EQ(add_port_rules({{"udp", {AF_INET6, 0}, 0, address("fd00::2"), 53, {"eth0"}, false}}),
            "add element inet gantry trusted6 { \"eth0\" . fd00::2 . udp . 53 }\n"
            "add element inet gantry open6 { fd00::2 . udp . 53 }\n");
}

TEST(Nftables, AGuardedPortHasAGate) {
  EXPECT_EQ(add_port_rules({{"tcp", {AF_INET, 0}, 8080, address("172.17.0.2"), 80, {}, true}}),
            "add element inet gantry guarded_any4 { tcp . 8080 : 172.17.0.2 . 80 }\n"
            "add element inet gantry gates_any4 { tcp . 8080 }\n"
            "add element inet gantry hairpin4 { 172.17.0.2 . 172.17.0.2 }\n");
}

TEST(AntiSpoofing, AnEndpointsAddressesAreElements) {
  EndpointRecord record;
  record.interface = "veth1";
  record.mac = "02:42:ac:11:00:02";
  record.ipv6 = "fd00::2";
  EXPECT_EQ(add_sender_rules(sender_of(record)),
            "add element bridge gantry senders { \"veth1\" }\n"
            "add element bridge gantry macs { \"veth1\" . 02:42:ac:11:00:02 }\n"
            "add element bridge gantry own6 { \"veth1\" . fd00::2 }\n"
            "add element bridge gantry targets6 { \"veth1\" . 0xfd000000000000000000000000000002 }\n"
            "add element bridge gantry own6 { \"veth1\" . fe80::42:acff:fe11:2 }\n"
            "add element bridge gantry targets6 { \"veth1\" . 0xfe800000000000000042acfffe110002 }\n");
  for (const char* mac : {"", "02:42:ac:11:00", "02:42:ac:11:00:02 }", "02:42:ac:11:00:02:03"}) {
    record.mac = mac;
    EXPECT_THROW(sender_of(record), Error) << mac;
  }
}

TEST(PortRules, AnIPv6HostAddressNeedsOneInside) {
  EndpointRecord record;
  record.ipv4 = "172.17.0.2";
  record.ports = {{"tcp", 80, "0.0.0.0", 8080, 0}, {"tcp", 80, "::", 8080, 0}};
  EXPECT_EQ(port_rules(record).size(), 1U);
  record.ipv6 = "fd00::2";
  EXPECT_EQ(port_rules(record).size(), 2U);
}

TEST(PortRules, TellWhetherPortsAreAsAsked) {
  const std::vector<Port> have{{"tcp", 80, "0.0.0.0", 8081, 0}, {"tcp", 80, "::", 8081, 0}};
  EXPECT_TRUE(satisfies(have, have));
  EXPECT_TRUE(satisfies(have, {{"tcp", 80, "", 0, 0}}));
  EXPECT_TRUE(satisfies(have, {{"tcp", 80, "", 8080, 8083}}));
  EXPECT_FALSE(satisfies(have, {{"tcp", 80, "", 8080, 0}}));
  EXPECT_FALSE(satisfies(have, {{"tcp", 80, "", 0, 0}, {"udp", 80, "", 0, 0}}));
  EXPECT_FALSE(satisfies(have, {}));
  EXPECT_TRUE(satisfies({}, {}));
  const std::vector<Port> routed{{"tcp", 80, "0.0.0.0", 0, 0}, {"tcp", 80, "::", 0, 0}};
  EXPECT_TRUE(satisfies(routed, {{"tcp", 80, "127.0.0.1", 8080, 0}}));
  EXPECT_FALSE(satisfies(routed, {{"tcp", 81, "", 8080, 0}}));
}

}  // namespace
}  // namespace gantry::bridge
