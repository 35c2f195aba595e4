#include "networks/resolver.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "networks/dns_message.hpp"
#include "networks/recording_server.hpp"

namespace gantry::networks {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

/// A resolver that knows one name, "web", beside an io thread.
class ResolverTest : public ::testing::Test {
 protected:
  void start(std::vector<NameServer> servers) {
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
    OpenInside open = [this](int family, int type) { return open_socket(family, type); };
    resolver_ = std::make_unique<Resolver>(io_.get_executor(), std::move(sockets), names, std::move(servers), open);
    thread_ = std::thread([this] { io_.run(); });
  }

  void TearDown() override {
    if (thread_.joinable()) end_resolver();
  }

  awaitable<UniqueFd> open_socket(int family, int type) {
    ++opened_;
    co_return open_inside(namespaces_, sandbox_.get(), family, type);
  }

  dns::Bytes ask_udp(const dns::Bytes& query) { return ask_inside(namespaces_, sandbox_.get(), query, SOCK_DGRAM); }
  dns::Bytes ask_tcp(const dns::Bytes& query) { return ask_inside(namespaces_, sandbox_.get(), query, SOCK_STREAM); }

  std::unique_ptr<RecordingServer> on_host(const std::string& address, RecordingServer::Reply reply) {
    return std::make_unique<RecordingServer>(namespaces_, -1, address, std::move(reply));
  }
  std::unique_ptr<RecordingServer> inside(const std::string& address, RecordingServer::Reply reply) {
    return std::make_unique<RecordingServer>(namespaces_, sandbox_.get(), address, std::move(reply));
  }

  /// The address at the end of an answer; empty if there is none.
  static std::string address_in(const dns::Bytes& answer) {
    if (answer.size() < 16 || answer[7] == 0) return "";
    std::string text;
    for (auto at = answer.end() - 4; at != answer.end(); ++at) text += (text.empty() ? "" : ".") + std::to_string(*at);
    return text;
  }
  static int code_of(const dns::Bytes& answer) { return answer.size() < 12 ? -1 : answer[3] & 0xf; }

  UniqueFd sandbox_ = make_sandbox();
  bool outside_ = true;  ///< Whether the container has a way out.
  NamespaceThread namespaces_;
  std::atomic<int> opened_ = 0;  ///< Sockets of the sandbox's that were asked for.
  const dns::Bytes outside_name_ = query_for({"example", "org"}, dns::Type::a);

  /// As when the container goes.
  void end_resolver() {
    asio::post(io_, [this] { resolver_.reset(); });
    thread_.join();
  }

  asio::io_context io_;

 private:
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
  const auto host = on_host("127.0.0.53", [](const dns::Bytes& query, const dns::Query& parsed, bool tcp) {
    std::vector<dns::Bytes> answers{dns::address_answer(query, parsed, {"192.0.2.7"})};
    dns::Bytes forged = dns::address_answer(query, parsed, {"6.6.6.6"});
    forged[0] = static_cast<std::uint8_t>(forged[0] ^ 1);
    if (!tcp) answers.insert(answers.begin(), std::move(forged));
    return answers;
  });
  const auto own = inside("127.0.0.53", RecordingServer::with_address("192.0.2.8"));
  start({{"nonsense", true}, {"127.0.0.53", true}});
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.7");
  EXPECT_EQ(address_in(ask_tcp(outside_name_)), "192.0.2.7");
  EXPECT_THAT(host->asked(), ElementsAre("example.org", "example.org/tcp"));
  EXPECT_THAT(own->asked(), IsEmpty());
  EXPECT_EQ(opened_, 0);
}

TEST_F(ResolverTest, AsksTheUsersServersFromTheContainer) {
  const auto host = on_host("127.0.0.1", RecordingServer::with_address("192.0.2.7"));
  const auto own = inside("127.0.0.1", RecordingServer::with_address("192.0.2.8"));
  const auto own6 = inside("::1", RecordingServer::with_address("192.0.2.9"));
  start({{"127.0.0.1"}});
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.8");
  EXPECT_EQ(address_in(ask_tcp(outside_name_)), "192.0.2.8");
  EXPECT_THAT(own->asked(), ElementsAre("example.org", "example.org/tcp"));
  EXPECT_THAT(host->asked(), IsEmpty());
  end_resolver();
  io_.restart();
  start({{"::1"}});
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.9");
}

TEST_F(ResolverTest, AsksTheNextServerWhenOneFailsOrRefuses) {
  const auto failing = on_host("127.0.0.53", RecordingServer::with_code(dns::Rcode::server_failure));
  const auto refusing = on_host("127.0.0.54", RecordingServer::with_code(dns::Rcode::refused));
  const auto knowing = on_host("127.0.0.55", RecordingServer::with_address("192.0.2.7"));
  start({{"127.0.0.53", true}, {"127.0.0.54", true}, {"127.0.0.55", true}});
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.7");
  EXPECT_EQ(address_in(ask_tcp(outside_name_)), "192.0.2.7");
  EXPECT_EQ(failing->asked().size(), 2U);
  EXPECT_EQ(refusing->asked().size(), 2U);
}

TEST_F(ResolverTest, TakesTheFirstWordOnWhatIsNot) {
  const auto first = on_host("127.0.0.53", RecordingServer::with_code(dns::Rcode::name_error));
  const auto second = on_host("127.0.0.54", RecordingServer::with_address("192.0.2.7"));
  start({{"127.0.0.53", true}, {"127.0.0.54", true}});
  EXPECT_EQ(code_of(ask_udp(outside_name_)), static_cast<int>(dns::Rcode::name_error));
  EXPECT_THAT(second->asked(), IsEmpty());
}

TEST_F(ResolverTest, AnswersThatItFailedWhenAllRefuse) {
  const auto only = on_host("127.0.0.53", RecordingServer::with_code(dns::Rcode::refused));
  start({{"127.0.0.53", true}});
  EXPECT_EQ(code_of(ask_udp(outside_name_)), static_cast<int>(dns::Rcode::server_failure));
  EXPECT_EQ(only->asked().size(), 1U);
}

TEST_F(ResolverTest, PassesATruncatedAnswerOnAndAsksAgainByTcp) {
  std::vector<std::string> many;
  for (int i = 1; i <= 100; ++i) many.push_back("192.0.2." + std::to_string(i));
  const auto server = on_host("127.0.0.53", [&many](const dns::Bytes& query, const dns::Query& parsed, bool tcp) {
    dns::Bytes whole = dns::address_answer(query, parsed, many);
    if (!tcp) whole = dns::fit(std::move(whole), parsed.question_end, parsed.udp_limit);
    return std::vector<dns::Bytes>{std::move(whole)};
  });
  start({{"127.0.0.53", true}});
  EXPECT_TRUE(dns::is_truncated(ask_udp(outside_name_)));
  const dns::Bytes whole = ask_tcp(outside_name_);
  EXPECT_FALSE(dns::is_truncated(whole));
  ASSERT_GT(whole.size(), 1600U);
  EXPECT_EQ(whole[7], 100);
  EXPECT_THAT(server->asked(), ElementsAre("example.org", "example.org/tcp"));
}

TEST_F(ResolverTest, TheHostAsksNobodyForAContainerWithoutAWayOut) {
  const auto host = on_host("127.0.0.53", RecordingServer::with_address("192.0.2.7"));
  const auto neighbour = inside("127.0.0.1", RecordingServer::with_address("192.0.2.8"));
  outside_ = false;
  start({{"127.0.0.53", true}});
  EXPECT_EQ(code_of(ask_udp(outside_name_)), static_cast<int>(dns::Rcode::server_failure));
  EXPECT_EQ(code_of(ask_tcp(outside_name_)), static_cast<int>(dns::Rcode::server_failure));
  EXPECT_EQ(code_of(ask_udp(query_for({"2", "0", "18", "10", "in-addr", "arpa"}, dns::Type::ptr))), 2);
  EXPECT_THAT(host->asked(), IsEmpty());
  outside_ = true;
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.7") << "at once";
  end_resolver();
  io_.restart();
  outside_ = false;
  start({{"127.0.0.1"}});
  EXPECT_EQ(address_in(ask_udp(outside_name_)), "192.0.2.8") << "who is inside as well may be asked";
}

TEST_F(ResolverTest, DoesNotAskItself) {
  start({{"127.0.0.11"}});
  EXPECT_EQ(code_of(ask_udp(outside_name_)), static_cast<int>(dns::Rcode::server_failure));
  EXPECT_EQ(opened_, 0);
}

TEST_F(ResolverTest, LeavesNoSocketWhenTheContainerIsGone) {
  const auto silent =
      inside("127.0.0.1", [](const dns::Bytes&, const dns::Query&, bool) { return std::vector<dns::Bytes>{}; });
  start({{"127.0.0.1"}, {"127.0.0.1"}});
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(ask_inside(namespaces_, sandbox_.get(), outside_name_, SOCK_DGRAM, 1).empty());
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{3};
  while (silent->asked().size() < 20 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  end_resolver();  // the io thread has nothing left to wait for
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{2});
  EXPECT_EQ(opened_, 20) << "nobody asks the second server for one who is gone";
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
  EXPECT_TRUE(ask_inside(namespaces_, sandbox_.get(), query, SOCK_STREAM, 200).empty())
      << "the new sockets serve nobody yet";
}

}  // namespace
}  // namespace gantry::networks
