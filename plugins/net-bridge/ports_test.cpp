// Published ports beyond TCP and UDP, and the tables of others beside them.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bridge_fixture.hpp"

namespace gantry::bridge {
namespace {

std::string be16(unsigned value) { return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)}; }

/// SCTP's checksum (RFC 4960, appendix B), least significant byte first.
std::string crc32c(const std::string& bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  crc = ~crc;
  std::string out;
  for (const unsigned shift : {0U, 8U, 16U, 24U}) out += static_cast<char>((crc >> shift) & 0xffU);
  return out;
}

constexpr char kInit = 1;
constexpr char kInitAck = 2;

/// The first packet of an association, or its answer, as programs with an SCTP of their own send them.
std::string sctp(unsigned from, unsigned to, const std::string& tag, char chunk) {
  const std::string ports = be16(from) + be16(to) + tag;
  const std::string rest = std::string{chunk, 0, 0, 20} + "tag!" + std::string{0, 1, 0, 0} + be16(1) + be16(1) + "tsn!";
  return ports + crc32c(ports + std::string(4, '\0') + rest) + rest;
}

UniqueFd sctp_socket(int netns) {
  UniqueFd out;
  test::inside(netns, [&] { out.reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP)); });
  return out;
}

void send_to(const UniqueFd& sock, const std::string& address, const std::string& packet) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  ::inet_pton(AF_INET, address.c_str(), &to.sin_addr);
  EXPECT_EQ(::sendto(sock.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(packet.size()));
}

/// "from:port to:port kind" of the next packet of this kind; empty if none comes.
std::string next_packet(const UniqueFd& sock, char kind) {
  pollfd ready{sock.get(), POLLIN, 0};
  while (::poll(&ready, 1, 2000) == 1) {
    std::array<unsigned char, 256> at{};
    const ssize_t size = ::recv(sock.get(), at.data(), at.size(), 0);
    if (size < 20 + 32 || at[20 + 12] != static_cast<unsigned char>(kind)) continue;
    const auto place = [&](std::size_t address, std::size_t port) {
      return from_bytes(AF_INET, at.data() + address).text() + ":" + std::to_string(at[port] << 8U | at[port + 1]);
    };
    return place(12, 20) + " " + place(16, 22);
  }
  return "";
}

TEST_F(BridgeDriver, PublishesSctp) {
  create('a');
  Sandbox sandbox;
  const Outside outside;
  const Endpoint made = attach(endpoint('a', '1', {{"sctp", 3868, "", 13868, 0}}), sandbox);
  const UniqueFd client = sctp_socket(outside.netns());
  const UniqueFd server = sctp_socket(sandbox.netns());
  ASSERT_TRUE(client && server);
  send_to(client, "198.51.100.1", sctp(5000, 13868, std::string(4, '\0'), kInit));
  EXPECT_EQ(next_packet(server, kInit), "198.51.100.2:5000 " + made.ipv4 + ":3868");
  send_to(server, "198.51.100.2", sctp(3868, 5000, "tag!", kInitAck));
  EXPECT_EQ(next_packet(client, kInitAck), "198.51.100.1:13868 198.51.100.2:5000");
  EXPECT_EQ(failure(endpoint('a', '2', {{"sctp", 3868, "", 13868, 0}}), sandbox),
            "driver failed programming external connectivity on endpoint c-2 (" + id_of('2') +
                "): Bind for 0.0.0.0:13868 failed: port is already allocated");
}

TEST_F(BridgeDriver, PublishesMorePortsThanSelectHasDescriptorsFor) {
  create('a');
  Sandbox many;
  Sandbox one;
  std::vector<Port> ports;
  for (int i = 0; i < 1500; ++i) ports.push_back({"tcp", 80, "127.0.0.1", static_cast<std::uint16_t>(20000 + i), 0});
  attach(endpoint('a', '1', ports), many);
  const Server server(many.netns(), "tcp", 80);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 21499));
  // Whoever waits by select(2) in the same process, as libnftables does.
  EXPECT_LT(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)).get(), FD_SETSIZE);
  reopen();
  create('a');
  attach(endpoint('a', '1', ports), many);
  attach(endpoint('a', '2', {{"tcp", 80, "", 8080, 0}}), one);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 21499));
}

TEST_F(BridgeDriver, PortsOfOneThatGoesAreNotTakenFromTheNextAfterACrash) {
  namespace fs = std::filesystem;
  create('a');
  Sandbox sandbox;
  const Endpoint first = attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  driver_->detach(id_of('a'), id_of('1'), call_);
  // As a crash finds it: its interface takes its time to go.
  const fs::path records = fs::path(host_.exec_dir()) / "endpoints";
  const fs::path kept = fs::path(host_.exec_dir()) / "kept";
  fs::copy(records, kept);
  EndpointSpec next = endpoint('a', '2', {{"tcp", 80, "", 8080, 0}});
  next.ipv4 = first.ipv4;
  attach(next, sandbox);
  const Server server(sandbox.netns(), "tcp", 80);
  ASSERT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  reopen();
  fs::copy(kept, records, fs::copy_options::recursive | fs::copy_options::skip_existing);
  create('a');
  attach(next, sandbox);
  driver_->detach(id_of('a'), id_of('1'), call_);
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
}

/// All that nft knows of others' tables, the numbers of their rules included.
std::string others(const std::string& folder) {
  const std::string file = folder + "/others";
  std::string commands;
  for (const char* table : {"ip filter", "inet fw", "bridge fw", "inet gantry2"}) {
    commands += std::string("nft -a list table ") + table + " && ";
  }
  EXPECT_EQ(std::system(("{ " + commands + "true; } >" + file).c_str()), 0);
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(BridgeDriver, OthersTablesStayAsTheyAre) {
  ASSERT_EQ(std::system(R"(nft -f - <<'END'
table ip filter {
  chain FORWARD { type filter hook forward priority filter; policy accept; oifname "br-x" drop; }
  chain DOCKER { ip saddr 192.0.2.0/24 drop; }
}
table inet fw {
  set allowed { type inet_service; flags interval; elements = { 22, 8000-8100 }; }
  map published_any4 { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 1 : 192.0.2.1 . 2 }; }
  chain input { type filter hook input priority filter; policy accept; tcp dport @allowed accept; }
}
table bridge fw { chain forward { type filter hook forward priority filter; policy accept; ether type arp accept; }; }
table inet gantry2 { set bridges { type ifname; elements = { "br-y" }; }; }
END
)"),
            0);
  const std::string before = others(host_.exec_dir());
  ASSERT_NE(before.find("8000-8100"), std::string::npos);
  const auto same = [&](const char* when) { EXPECT_EQ(others(host_.exec_dir()), before) << when; };
  create('a', {{"gantry.anti-spoofing", "true"}}, false, true);
  create('b', {{"gantry.firewall", "host"}}, true);
  same("created");
  Sandbox sandbox;
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}, {"udp", 53, "127.0.0.1", 5353, 0}}), sandbox);
  const Server server(sandbox.netns(), "tcp", 80);
  same("published");
  ASSERT_EQ(std::system("nft delete table inet gantry"), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!ask(own_.get(), "tcp", "127.0.0.1", 8080, 200) && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(ask(own_.get(), "tcp", "127.0.0.1", 8080));
  same("put back");
  reopen();
  create('a', {{"gantry.anti-spoofing", "true"}}, false, true);
  attach(endpoint('a', '1', {{"tcp", 80, "", 8080, 0}}), sandbox);
  same("taken up");
  driver_->detach(id_of('a'), id_of('1'), call_);
  for (const char id : {'a', 'b'}) driver_->remove_network(id_of(id), call_);
  same("removed");
  EXPECT_NE(std::system("nft list tables | grep -qw gantry"), 0);
  EXPECT_EQ(std::system("nft flush ruleset"), 0);
}

}  // namespace
}  // namespace gantry::bridge
