#include "networks/resolver.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "networks/dns_message.hpp"

namespace gantry::networks {
namespace {

/// A network namespace with its loopback up.
UniqueFd make_sandbox() {
  UniqueFd netns;
  std::thread([&netns] {
    if (::unshare(CLONE_NEWNET) != 0) return;
    set_loopback_up();
    netns.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  return netns;
}

dns::Bytes query_for(const std::vector<std::string>& labels, dns::Type type) {
  dns::Bytes out{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
  for (const std::string& label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
  }
  out.insert(out.end(), {0, 0, static_cast<std::uint8_t>(type), 0, 1});
  return out;
}

/// What 127.0.0.11, port 53, answers inside of the sandbox; connected, as glibc's stub resolver asks.
dns::Bytes ask(NamespaceThread& namespaces, int netns, const dns::Bytes& query, int type, int timeout_ms = 3000) {
  UniqueFd client;
  namespaces.run(netns, [&] { client.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0)); });
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(53);
  ::inet_pton(AF_INET, "127.0.0.11", &server.sin_addr);
  if (::connect(client.get(), reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) return {};
  dns::Bytes framed = query;
  if (type == SOCK_STREAM) framed.insert(framed.begin(), {0, static_cast<std::uint8_t>(query.size())});
  if (::send(client.get(), framed.data(), framed.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(framed.size()))
    return {};
  pollfd ready{client.get(), POLLIN, 0};
  if (::poll(&ready, 1, timeout_ms) != 1) return {};
  dns::Bytes answer(65536);
  const ssize_t size = ::recv(client.get(), answer.data(), answer.size(), 0);
  answer.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
  if (type == SOCK_STREAM && answer.size() > 2) answer.erase(answer.begin(), answer.begin() + 2);
  return answer;
}

/// A resolver that knows one name, "web", beside an io thread.
class ResolverTest : public ::testing::Test {
 protected:
  void start(std::vector<std::string> servers) {
    NameSource names;
    names.forward = [](const std::string& name) -> std::optional<NameAnswer> {
      if (name != "web") return std::nullopt;
      return NameAnswer{{"172.18.0.2"}, {}};
    };
    names.reverse = [](const std::string& address) -> std::optional<std::string> {
      if (address != "172.18.0.2") return std::nullopt;
      return "web.net";
    };
    names.outside = [this] { return outside_; };
    ResolverSockets sockets = open_resolver(namespaces_, sandbox_.get());
    resolver_ = std::make_unique<Resolver>(io_.get_executor(), std::move(sockets), names, std::move(servers));
    thread_ = std::thread([this] { io_.run(); });
  }

  void TearDown() override {
    asio::post(io_, [this] { resolver_.reset(); });
    thread_.join();
  }

  dns::Bytes ask_udp(const dns::Bytes& query) { return ask(namespaces_, sandbox_.get(), query, SOCK_DGRAM); }
  dns::Bytes ask_tcp(const dns::Bytes& query) { return ask(namespaces_, sandbox_.get(), query, SOCK_STREAM); }

  UniqueFd sandbox_ = make_sandbox();
  bool outside_ = true;  ///< Whether the container has a way out.
  NamespaceThread namespaces_;

 private:
  asio::io_context io_;
  std::unique_ptr<Resolver> resolver_;
  std::thread thread_;
};

TEST_F(ResolverTest, AnswersAtPort53OfTheSandbox) {
  start({});
  const dns::Bytes query = query_for({"WEB"}, dns::Type::a);
  const dns::Bytes answer = ask_udp(query);
  ASSERT_TRUE(dns::answers(answer, query));
  EXPECT_EQ(dns::Bytes(answer.end() - 4, answer.end()), (dns::Bytes{172, 18, 0, 2}));
  EXPECT_EQ(ask_tcp(query), answer);
  const dns::Bytes ipv6 = query_for({"web"}, dns::Type::aaaa);
  const dns::Bytes none = ask_udp(ipv6);
  ASSERT_TRUE(dns::answers(none, ipv6));
  EXPECT_EQ(none[3] & 0xf, 0) << "the name is known, though it has no such address";
  EXPECT_EQ(none[7], 0);
  const dns::Bytes pointer = query_for({"2", "0", "18", "172", "in-addr", "arpa"}, dns::Type::ptr);
  EXPECT_EQ(ask_udp(pointer)[7], 1);
}

TEST_F(ResolverTest, LeavesPort53ToTheContainer) {
  start({});
  namespaces_.run(sandbox_.get(), [] {
    const UniqueFd own(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(53);
    EXPECT_EQ(::bind(own.get(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
  });
}

TEST_F(ResolverTest, AnswersThatItFailedWithoutServers) {
  start({});
  const dns::Bytes query = query_for({"example", "org"}, dns::Type::a);
  const dns::Bytes answer = ask_udp(query);
  ASSERT_TRUE(dns::answers(answer, query));
  EXPECT_EQ(answer[3] & 0xf, static_cast<int>(dns::Rcode::server_failure));
}

TEST_F(ResolverTest, AsksTheServersOfTheHost) {
  // A name server in the daemon's own namespace, on its loopback.
  const UniqueFd server(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  ::inet_pton(AF_INET, "127.0.0.53", &address.sin_addr);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::thread host([&server] {
    dns::Bytes query(512);
    sockaddr_in client{};
    socklen_t size = sizeof client;
    auto* peer = reinterpret_cast<sockaddr*>(&client);
    const ssize_t length = ::recvfrom(server.get(), query.data(), query.size(), 0, peer, &size);
    query.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
    const auto parsed = dns::parse_query(query);
    if (!parsed) return;
    dns::Bytes forged = dns::address_answer(query, *parsed, {"6.6.6.6"});
    forged[0] = static_cast<std::uint8_t>(forged[0] ^ 1);
    ::sendto(server.get(), forged.data(), forged.size(), 0, peer, size);
    const dns::Bytes answer = dns::address_answer(query, *parsed, {"192.0.2.7"});
    ::sendto(server.get(), answer.data(), answer.size(), 0, peer, size);
  });
  start({"nonsense", "127.0.0.53"});
  const dns::Bytes query = query_for({"example", "org"}, dns::Type::a);
  const dns::Bytes answer = ask_udp(query);
  host.join();
  ASSERT_TRUE(dns::answers(answer, query));
  EXPECT_EQ(dns::Bytes(answer.end() - 4, answer.end()), (dns::Bytes{192, 0, 2, 7}));
}

TEST_F(ResolverTest, AsksNobodyForAContainerWithoutAWayOut) {
  outside_ = false;
  start({"127.0.0.53"});
  const dns::Bytes query = query_for({"example", "org"}, dns::Type::a);
  EXPECT_EQ(ask_udp(query)[3] & 0xf, static_cast<int>(dns::Rcode::server_failure));
}

TEST_F(ResolverTest, GoesOnAfterNonsense) {
  start({});
  EXPECT_EQ(ask_udp(dns::Bytes(12, 0))[3] & 0xf, static_cast<int>(dns::Rcode::format_error));
  const dns::Bytes query = query_for({"web"}, dns::Type::a);
  EXPECT_TRUE(dns::answers(ask_udp(query), query));
}

TEST_F(ResolverTest, ASecondOneTakesTheFirstOnesPlace) {
  start({});
  const ResolverSockets later = open_resolver(namespaces_, sandbox_.get());
  const dns::Bytes query = query_for({"web"}, dns::Type::a);
  EXPECT_TRUE(ask(namespaces_, sandbox_.get(), query, SOCK_STREAM, 200).empty()) << "the new sockets serve nobody yet";
}

}  // namespace
}  // namespace gantry::networks
