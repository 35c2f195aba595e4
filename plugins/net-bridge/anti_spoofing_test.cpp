// What a container may send on a network with gantry.anti-spoofing, beside one without.

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>

#include "anti_spoofing.hpp"
#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

const Options kAntiSpoofing{{"gantry.anti-spoofing", "true"}};
constexpr int kUdp = 17;
constexpr int kIcmp6 = 58;

/// Bytes of a frame.
std::string hex(const std::string& digits) {
  std::string out;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
    out += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  return out;
}

std::string bytes_of_mac(const std::string& mac) {
  std::string digits = mac;
  std::erase(digits, ':');
  return hex(digits);
}

std::string bytes_of(const std::string& address) {
  const Address parsed = parse_address(address).value();
  const auto bytes = parsed.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), parsed.family == AF_INET ? 4U : 16U};
}

std::string number16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }

std::string ethernet(const std::string& to, const std::string& from, unsigned type, const std::string& payload) {
  return bytes_of_mac(to) + bytes_of_mac(from) + number16(type) + payload;
}

std::string arp(unsigned operation, const std::string& mac, const std::string& sender, const std::string& target) {
  return hex("000108000604") + number16(operation) + bytes_of_mac(mac) + bytes_of(sender) + std::string(6, '\0') +
         bytes_of(target);
}

std::string ipv4(const std::string& from, const std::string& to, const std::string& payload) {
  std::string header = hex("4500") + number16(20 + static_cast<unsigned>(payload.size())) + hex("0000000040110000") +
                       bytes_of(from) + bytes_of(to);
  // Where br_netfilter is at work, frames with a wrong one are dropped.
  unsigned sum = 0;
  for (std::size_t at = 0; at < header.size(); at += 2) {
    sum += static_cast<unsigned char>(header[at]) << 8U | static_cast<unsigned char>(header[at + 1]);
  }
  header.replace(10, 2, number16(~((sum & 0xffffU) + (sum >> 16U)) & 0xffffU));
  return header + payload;
}

std::string ipv6(const std::string& from, const std::string& to, int next, const std::string& payload) {
  return hex("60000000") + number16(static_cast<unsigned>(payload.size())) + static_cast<char>(next) + '\xff' +
         bytes_of(from) + bytes_of(to) + payload;
}

std::string udp(unsigned from, unsigned to) { return number16(from) + number16(to) + number16(8 + 8) + hex("0000"); }

std::string discovery(int type, const std::string& target = "") {
  return std::string{static_cast<char>(type)} + std::string(7, '\0') + (target.empty() ? "" : bytes_of(target));
}

UniqueFd packets(int netns) {
  UniqueFd out;
  test::inside(netns, [&] {
    out.reset(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    sockaddr_ll place{};
    place.sll_family = AF_PACKET;
    place.sll_protocol = htons(ETH_P_ALL);
    place.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
    ASSERT_EQ(::bind(out.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
  });
  return out;
}

void send(int netns, const std::string& frame) {
  const UniqueFd sock = packets(netns);
  ASSERT_EQ(::send(sock.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
}

/// A frame of each kind by its name, with a mark at its end.
using Frames = std::map<std::string, std::string>;

std::set<std::string> names_of(const Frames& frames) {
  std::set<std::string> out;
  for (const auto& [name, frame] : frames) out.insert(name);
  return out;
}

/// A victim, a thief who has packet sockets, and a client that wants to talk to the victim.
class AntiSpoofing : public BridgeDriver {
 protected:
  void inhabit(char network, const Options& options) {
    create(network, options, false, true);
    network_ = network;
    victim_ = attach(endpoint(network, '1'), victim_box_);
    thief_ = attach(endpoint(network, '2'), thief_box_);
    client_ = attach(endpoint(network, '3'), client_box_);
  }

  void vacate() {
    for (const char id : {'1', '2', '3'}) driver_->detach(id_of(network_), id_of(id), call_);
    driver_->remove_network(id_of(network_), call_);
  }

  [[nodiscard]] std::string link_local(const Endpoint& of) const {
    EndpointRecord record;
    record.mac = of.mac;
    record.ipv6 = of.ipv6;
    return sender_of(record).addresses.back().text();
  }

  [[nodiscard]] std::string framed(unsigned type, const std::string& payload) const {
    return ethernet(client_.mac, thief_.mac, type, payload);
  }

  [[nodiscard]] Frames honest() const {
    return {
        {"own IPv4", framed(ETH_P_IP, ipv4(thief_.ipv4, client_.ipv4, udp(9, 9) + "own-ip4."))},
        {"own ARP", framed(ETH_P_ARP, arp(2, thief_.mac, thief_.ipv4, client_.ipv4) + "own-arp.")},
        {"ARP probe", framed(ETH_P_ARP, arp(1, thief_.mac, "0.0.0.0", thief_.ipv4) + "probing.")},
        {"own IPv6", framed(ETH_P_IPV6, ipv6(thief_.ipv6, client_.ipv6, kUdp, udp(9, 9) + "own-ip6."))},
        {"own fe80", framed(ETH_P_IPV6, ipv6(link_local(thief_), client_.ipv6, kUdp, udp(9, 9) + "own-fe80"))},
        {"own NA",
         framed(ETH_P_IPV6, ipv6(thief_.ipv6, client_.ipv6, kIcmp6, discovery(136, thief_.ipv6) + "own-adv."))},
        {"own DAD", framed(ETH_P_IPV6, ipv6("::", client_.ipv6, kIcmp6, discovery(135, thief_.ipv6) + "own-dad."))}};
  }

  [[nodiscard]] Frames spoofed() const {
    const std::string datagram = ipv4(victim_.ipv4, client_.ipv4, udp(9, 9) + "bad-ip4.");
    return {
        {"MAC", ethernet(client_.mac, victim_.mac, ETH_P_IP, ipv4(thief_.ipv4, client_.ipv4, udp(9, 9) + "bad-mac."))},
        {"IPv4", framed(ETH_P_IP, datagram)},
        {"IPv4 in a VLAN", framed(ETH_P_8021Q, number16(0) + number16(ETH_P_IP) + datagram.substr(0, 28) + "bad-vlan")},
        {"ARP", framed(ETH_P_ARP, arp(2, thief_.mac, victim_.ipv4, client_.ipv4) + "bad-arp.")},
        {"MAC in ARP", framed(ETH_P_ARP, arp(2, victim_.mac, thief_.ipv4, client_.ipv4) + "arp-mac.")},
        {"IPv6", framed(ETH_P_IPV6, ipv6(victim_.ipv6, client_.ipv6, kUdp, udp(9, 9) + "bad-ip6."))},
        {"fe80", framed(ETH_P_IPV6, ipv6(link_local(victim_), client_.ipv6, kUdp, udp(9, 9) + "bad-fe80"))},
        {"NA", framed(ETH_P_IPV6, ipv6(thief_.ipv6, client_.ipv6, kIcmp6, discovery(136, victim_.ipv6) + "bad-adv."))},
        {"DAD", framed(ETH_P_IPV6, ipv6("::", client_.ipv6, kIcmp6, discovery(135, victim_.ipv6) + "bad-dad."))},
        {"RA", framed(ETH_P_IPV6, ipv6(link_local(thief_), client_.ipv6, kIcmp6, discovery(134) + "bad-ra.."))},
        {"DHCP", framed(ETH_P_IP, ipv4(thief_.ipv4, client_.ipv4, udp(67, 68) + "bad-dhcp"))},
        {"DHCPv6", framed(ETH_P_IPV6, ipv6(thief_.ipv6, client_.ipv6, kUdp, udp(547, 546) + "bad-dhc6"))},
        {"another protocol", framed(0x88b5, "whatever unheard")}};
  }

  /// Which of the frames get from the thief to the client. Frames keep their order: one that passes comes last.
  [[nodiscard]] std::set<std::string> passing(const Frames& frames) const {
    const std::string last = framed(ETH_P_IP, ipv4(thief_.ipv4, client_.ipv4, udp(9, 9) + "the-end."));
    const UniqueFd receiver = packets(client_box_.netns());
    for (const auto& [name, frame] : frames) send(thief_box_.netns(), frame);
    send(thief_box_.netns(), last);
    std::set<std::string> out;
    pollfd ready{receiver.get(), POLLIN, 0};
    while (::poll(&ready, 1, 5000) == 1) {
      std::array<char, 2048> buffer{};
      const ssize_t size = ::recv(receiver.get(), buffer.data(), buffer.size(), 0);
      if (size < 8) continue;
      const std::string mark(buffer.data() + size - 8, 8);
      if (last.ends_with(mark)) return out;
      for (const auto& [name, frame] : frames) {
        if (frame.ends_with(mark)) out.insert(name);
      }
    }
    ADD_FAILURE() << "the last frame did not come";
    return out;
  }

  /// Whether a frame of the thief's ends the client's talk to the victim.
  [[nodiscard]] bool steals(const std::string& frame) const {
    const Server server(victim_box_.netns(), "udp", 80);
    EXPECT_TRUE(ask(client_box_.netns(), "udp", victim_.ipv4, 80)) << "the client knows the victim's MAC now";
    send(thief_box_.netns(), frame);
    return !ask(client_box_.netns(), "udp", victim_.ipv4, 80, kUnreachable);
  }

  Sandbox victim_box_;
  Sandbox thief_box_;
  Sandbox client_box_;
  Endpoint victim_;
  Endpoint thief_;
  Endpoint client_;
  char network_{};
};

TEST_F(AntiSpoofing, LetsOwnAddressesPassOnly) {
  inhabit('a', {});
  EXPECT_EQ(passing(honest()), names_of(honest()));
  EXPECT_EQ(passing(spoofed()), names_of(spoofed())) << "without the option all of it passes";
  vacate();
  inhabit('b', kAntiSpoofing);
  EXPECT_EQ(passing(honest()), names_of(honest()));
  EXPECT_EQ(passing(spoofed()), std::set<std::string>{});
}

TEST_F(AntiSpoofing, NobodysTrafficIsStolen) {
  const std::string everybody = "ff:ff:ff:ff:ff:ff";
  const auto by_mac = [&] { return ethernet(everybody, victim_.mac, 0x88b5, "a victim's, one would think"); };
  // Such frames are for the bridge alone, and don't take the way of others.
  const auto by_lldp = [&] { return ethernet("01:80:c2:00:00:0e", victim_.mac, 0x88cc, "a neighbour's?"); };
  const auto by_arp = [&] {
    return ethernet(everybody, thief_.mac, ETH_P_ARP, arp(1, thief_.mac, victim_.ipv4, victim_.ipv4));
  };
  int number = 0;
  for (const auto& frame : std::initializer_list<std::function<std::string()>>{by_mac, by_lldp, by_arp}) {
    inhabit('a', {});
    // What the victim itself happens to send (IPv6 reports its groups) takes the MAC back.
    EXPECT_TRUE(steals(frame()) || steals(frame()) || steals(frame())) << "without the option, way " << number;
    vacate();
    inhabit('b', kAntiSpoofing);
    EXPECT_FALSE(steals(frame())) << "way " << number;
    vacate();
    ++number;
  }
}

TEST_F(AntiSpoofing, FollowsTheAddressesOfAnEndpoint) {
  inhabit('a', kAntiSpoofing);
  const Frames later{{"169.254", framed(ETH_P_IP, ipv4("169.254.7.7", client_.ipv4, udp(9, 9) + "chosen-4"))}};
  EXPECT_EQ(passing(later), std::set<std::string>{});
  EndpointSpec spec = endpoint('a', '2');
  spec.link_local = {"169.254.7.7"};
  attach(spec, thief_box_);
  EXPECT_EQ(passing(later), names_of(later));
  spec.link_local.clear();
  attach(spec, thief_box_);
  EXPECT_EQ(passing(later), std::set<std::string>{});
}

TEST_F(AntiSpoofing, IsPutBackAndTakenUp) {
  inhabit('a', kAntiSpoofing);
  for (const char* blow :
       {"nft flush ruleset", "nft delete table bridge gantry", "nft flush chain bridge gantry sender"}) {
    ASSERT_EQ(std::system(blow), 0);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!passing(spoofed()).empty() && std::chrono::steady_clock::now() < deadline) {
    }
    EXPECT_EQ(passing(spoofed()), std::set<std::string>{}) << blow;
    EXPECT_EQ(passing(honest()), names_of(honest())) << blow;
  }
  driver_.reset();
  ASSERT_EQ(std::system("nft flush ruleset"), 0);
  open();
  inhabit('a', kAntiSpoofing);
  EXPECT_EQ(passing(spoofed()), std::set<std::string>{});
  EXPECT_EQ(passing(honest()), names_of(honest()));
}

TEST_F(AntiSpoofing, LeavesNothing) {
  inhabit('a', kAntiSpoofing);
  create('b');
  EXPECT_EQ(std::system("nft list set bridge gantry macs | grep -q veth2"), 0);
  driver_->detach(id_of('a'), id_of('2'), call_);
  EXPECT_EQ(std::system("timeout 10 sh -c 'while nft list table bridge gantry | grep -q veth2; do :; done'"), 0);
  EXPECT_EQ(std::system("nft list set bridge gantry macs | grep -q veth1"), 0) << "its neighbour's are there";
  vacate();
  EXPECT_NE(std::system("nft list tables | grep -q bridge"), 0);
  EXPECT_EQ(std::system("nft list tables | grep -q 'inet gantry'"), 0);
}

TEST_F(AntiSpoofing, NeedsRules) {
  host_.settings = {{"iptables", "false"}};
  reopen();
  try {
    create('a', kAntiSpoofing);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "gantry.anti-spoofing needs rules, and the daemon's iptables is false");
  }
}

}  // namespace
}  // namespace gantry::bridge
