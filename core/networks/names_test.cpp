// What containers' resolvers answer, with the real network drivers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "networks/networks_fixture.hpp"
#include "networks/recording_server.hpp"

namespace gantry::networks {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NamesTest : public NetworksTest {
 protected:
  ~NamesTest() override {
    if (has_servers_) ::umount2("/etc/resolv.conf", MNT_DETACH);
  }

  /// In the mount namespace that the test runs in.
  void set_servers_of_the_host(const std::string& server) {
    const auto file = directory_ / "resolv.conf";
    std::ofstream{file} << "nameserver " << server << "\n";
    ASSERT_EQ(::mount(file.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr), 0);
    has_servers_ = true;
  }

  std::shared_ptr<const Network> create_with(const std::string& name, const std::string& driver, bool internal,
                                             bool ipv6) {
    NetworkRequest asked;
    asked.name = name;
    asked.driver = driver;
    asked.internal = internal;
    asked.ipv6 = ipv6;
    return run(service_->create(asked));
  }

  /// A running container; its sandbox stays as long as the test.
  int start(char id, const std::vector<std::string>& networks, const std::vector<std::string>& aliases = {},
            const std::vector<std::string>& dns = {}) {
    sandboxes_.push_back(make_sandbox());
    const int netns = sandboxes_.back().get();
    SandboxRequest asked = request(id, networks);
    for (EndpointRequest& endpoint : asked.endpoints) endpoint.aliases = aliases;
    asked.dns = dns;
    run(service_->attach(asked, netns));
    started_.push_back(id);
    return netns;
  }
  void connect(char id, int netns, const std::string& network, const std::vector<std::string>& aliases = {}) {
    EndpointRequest asked;
    asked.network = network;
    asked.aliases = aliases;
    run(service_->connect(request(id, {}), asked, netns));
  }
  void TearDown() override {
    for (const char id : started_) run(service_->detach(container_id(id)));
  }
  const Endpoint endpoint(char id) { return service_->endpoints(container_id(id)).at(0); }

  /// The io thread runs while the container does something.
  void while_running(const std::function<void()>& work) {
    const auto busy = asio::make_work_guard(io_);
    io_.restart();
    std::thread other([&] {
      work();
      asio::post(io_, [this] { io_.stop(); });
    });
    io_.run();
    other.join();
  }
  dns::Bytes ask(int netns, const dns::Bytes& query) {
    dns::Bytes answer;
    while_running([&] { answer = ask_inside(inside_, netns, query, SOCK_DGRAM); });
    return answer;
  }
  /// What a name has, in the answer's order; the error's number if it is one.
  std::vector<std::string> addresses(int netns, const std::string& name) {
    const dns::Bytes answer = ask(netns, query_for({name}, dns::Type::a));
    if (answer.size() < 12) return {"no answer"};
    if ((answer[3] & 0xf) != 0) return {"error " + std::to_string(answer[3] & 0xf)};
    std::vector<std::string> out;
    constexpr std::size_t kRecord = 16;
    for (std::size_t left = answer[7]; left > 0; --left) {
      const auto at = answer.end() - static_cast<std::ptrdiff_t>(left * kRecord) + 12;
      std::string text;
      for (auto byte = at; byte != at + 4; ++byte) text += (text.empty() ? "" : ".") + std::to_string(*byte);
      out.push_back(text);
    }
    return out;
  }
  /// Whose an address is.
  std::string pointer(int netns, const std::vector<std::string>& labels) {
    const dns::Bytes query = query_for(labels, dns::Type::ptr);
    const dns::Bytes answer = ask(netns, query);
    std::string name;
    for (std::size_t at = query.size() + 12; at < answer.size() && answer[at] != 0; at += answer[at] + std::size_t{1}) {
      const auto begin = answer.begin() + static_cast<std::ptrdiff_t>(at) + 1;
      name += (name.empty() ? "" : ".") + std::string(begin, begin + answer[at]);
    }
    return name;
  }
  static std::vector<std::string> reversed4(const std::string& address) {
    std::vector<std::string> labels{"in-addr", "arpa"};
    std::istringstream words{address};
    for (std::string word; std::getline(words, word, '.');) labels.insert(labels.begin(), word);
    return labels;
  }
  static std::vector<std::string> reversed6(const std::string& address) {
    std::vector<std::string> labels{"ip6", "arpa"};
    std::array<std::uint8_t, 16> bytes{};
    ::inet_pton(AF_INET6, address.c_str(), bytes.data());
    for (const int byte : bytes) {
      for (const int digit : {byte >> 4, byte & 0xf}) labels.insert(labels.begin(), {"0123456789abcdef"[digit]});
    }
    return labels;
  }

  NamespaceThread inside_;

 private:
  std::vector<UniqueFd> sandboxes_;
  std::vector<char> started_;
  bool has_servers_ = false;
};

TEST_F(NamesTest, TurnsTheAddressesOfAName) {
  create("net");
  for (const char id : {'1', '2', '3', '4'}) start(id, {"net"}, {"pool"});
  const int asker = start('a', {"net"});
  std::map<std::string, int> first;
  for (int question = 0; question < 90; ++question) {
    std::vector<std::string> order = addresses(asker, question % 2 == 0 ? "POOL" : "pool");
    ++first[order.at(0)];
    // By the usual clients' habit; it must not decide who is first.
    ask(asker, query_for({"pool"}, dns::Type::aaaa));
    std::rotate(order.begin(), std::find(order.begin(), order.end(), "172.18.0.2"), order.end());
    ASSERT_THAT(order, ElementsAre("172.18.0.2", "172.18.0.3", "172.18.0.4", "172.18.0.5"));
  }
  ASSERT_EQ(first.size(), 4U);
  for (const auto& [address, count] : first) EXPECT_GT(count, 5) << address;
}

TEST_F(NamesTest, TellsWhoseAnAddressIs) {
  create_with("net", "bridge", false, true);
  start('b', {"net"});
  const int asker = start('a', {"net"});
  EXPECT_EQ(pointer(asker, reversed4(endpoint('b').result.ipv4)), "cb.net");
  EXPECT_EQ(pointer(asker, reversed6(endpoint('b').result.ipv6)), "cb.net");
  EXPECT_EQ(pointer(asker, reversed4("172.18.0.99")), "");
  service_->rename_container(container_id('b'), "renamed");
  EXPECT_EQ(pointer(asker, reversed4(endpoint('b').result.ipv4)), "renamed.net");
}

TEST_F(NamesTest, KnowsContainersByTheirShortIds) {
  create("net");
  create("other");
  start('b', {"net"});
  start('d', {"other"});
  const int asker = start('a', {"net"});
  EXPECT_THAT(addresses(asker, "bbbbbbbbbbbb"), ElementsAre("172.18.0.2"));
  EXPECT_THAT(addresses(asker, "bbbbbbbbbbbb.net"), ElementsAre("error 1")) << "a dot inside of a label";
  EXPECT_THAT(addresses(asker, "bbbbbbbbbbb"), ElementsAre("error 2"));
  EXPECT_THAT(addresses(asker, "dddddddddddd"), ElementsAre("error 2")) << "it is on another network";
}

TEST_F(NamesTest, AreThereAndGoneAtOnce) {
  create("net");
  create("other");
  const int asker = start('a', {"net"});
  const int changing = start('b', {"other"});
  EXPECT_THAT(addresses(asker, "cb"), ElementsAre("error 2"));
  connect('b', changing, "net", {"late"});
  EXPECT_THAT(addresses(asker, "cb"), ElementsAre("172.18.0.3"));
  EXPECT_THAT(addresses(asker, "late"), ElementsAre("172.18.0.3"));
  EXPECT_EQ(pointer(asker, reversed4("172.18.0.3")), "cb.net");
  service_->rename_container(container_id('b'), "renamed");
  EXPECT_THAT(addresses(asker, "cb"), ElementsAre("error 2"));
  EXPECT_THAT(addresses(asker, "renamed"), ElementsAre("172.18.0.3"));
  run(service_->disconnect(container_id('b'), "net"));
  for (const char* name : {"renamed", "late", "bbbbbbbbbbbb"}) {
    EXPECT_THAT(addresses(asker, name), ElementsAre("error 2")) << name;
  }
  EXPECT_EQ(pointer(asker, reversed4("172.18.0.3")), "");
}

TEST_F(NamesTest, ARestartedDaemonAnswersWhoKeptASocket) {
  create("net");
  const int asker = start('a', {"net"});
  UniqueFd client;
  inside_.run(asker, [&] { client = connect_to_resolver(SOCK_DGRAM); });
  const dns::Bytes query = query_for({"ca"}, dns::Type::a);
  while_running([&] { EXPECT_TRUE(dns::answers(ask_with(client.get(), query, SOCK_DGRAM), query)); });
  close();
  EXPECT_TRUE(ask_with(client.get(), query, SOCK_DGRAM, 50).empty()) << "nobody is there";
  open();
  run(service_->adopt(request('a', {"net"}), asker));
  while_running([&] { EXPECT_TRUE(dns::answers(ask_with(client.get(), query, SOCK_DGRAM), query)); });
  EXPECT_THAT(addresses(asker, "ca"), ElementsAre("172.18.0.2"));
}

TEST_F(NamesTest, TheHostAsksNobodyForWhoHasNoWayOut) {
  const RecordingServer host(inside_, -1, "127.0.0.53", RecordingServer::with_address("192.0.2.7"));
  set_servers_of_the_host("127.0.0.53");
  create_with("inner4", "bridge", true, false);
  create_with("inner6", "bridge", true, true);
  create_with("island", "macvlan", false, false);
  std::vector<std::string> all{"inner4", "inner6", "island"};
  try {
    create_with("islet", "ipvlan", false, false);
    all.emplace_back("islet");
  } catch (const Error&) {
    // this kernel has no ipvlan
  }
  char id = '1';
  for (const std::string& network : all) {
    const int asker = start(id++, {network});
    EXPECT_THAT(addresses(asker, "outside"), ElementsAre("error 2")) << network;
    EXPECT_EQ(pointer(asker, reversed4("192.0.2.1")), "") << network;
  }
  EXPECT_THAT(host.asked(), IsEmpty());
}

TEST_F(NamesTest, TheHostAsksAsSoonAsThereIsAWayOut) {
  const RecordingServer host(inside_, -1, "127.0.0.53", RecordingServer::with_address("192.0.2.7"));
  set_servers_of_the_host("127.0.0.53");
  create_with("inner", "bridge", true, false);
  create_with("island", "macvlan", false, false);
  create("net");
  EXPECT_THAT(addresses(start('1', {"inner", "net"}), "outside"), ElementsAre("192.0.2.7"));
  EXPECT_THAT(addresses(start('2', {"island", "net"}), "outside"), ElementsAre("192.0.2.7"));
  const auto both = service_->endpoints(container_id('2'));
  for (const Endpoint& each : both) EXPECT_EQ(each.default_gateway, each.network_name == "net") << each.network_name;
  const int asker = start('a', {"inner"});
  EXPECT_THAT(addresses(asker, "outside"), ElementsAre("error 2"));
  connect('a', asker, "net");
  EXPECT_THAT(addresses(asker, "outside"), ElementsAre("192.0.2.7"));
  run(service_->disconnect(container_id('a'), "net"));
  EXPECT_THAT(addresses(asker, "outside"), ElementsAre("error 2"));
  connect('a', asker, "island");
  EXPECT_THAT(addresses(asker, "outside"), ElementsAre("error 2"));
  EXPECT_EQ(host.asked().size(), 3U);
}

TEST_F(NamesTest, AsksASiblingFromTheContainer) {
  const RecordingServer host(inside_, -1, "127.0.0.1", RecordingServer::with_address("192.0.2.6"));
  create("net");
  create_with("inner", "bridge", true, false);
  create_with("island", "macvlan", false, false);
  char id = '1';
  for (const char* network : {"net", "inner", "island"}) {
    const int netns = start(id, {network});
    const std::string address = endpoint(id++).result.ipv4;
    const RecordingServer sibling(inside_, netns, address, RecordingServer::with_address("192.0.2.7"));
    EXPECT_THAT(addresses(start(id++, {network}, {}, {address}), "outside"), ElementsAre("192.0.2.7")) << network;
    EXPECT_THAT(sibling.asked(), ElementsAre("outside"));
  }
  const int own = start('a', {"net"}, {}, {"127.0.0.1"});
  const RecordingServer loopback(inside_, own, "127.0.0.1", RecordingServer::with_address("192.0.2.8"));
  EXPECT_THAT(addresses(own, "outside"), ElementsAre("192.0.2.8"));
  EXPECT_THAT(host.asked(), IsEmpty());
}

TEST_F(NamesTest, AnInternalNetworkReachesNoServerThatTheUserNames) {
  const RecordingServer host(inside_, -1, "192.0.2.53", RecordingServer::with_address("192.0.2.7"));
  create_with("inner", "bridge", true, false);
  EXPECT_THAT(addresses(start('a', {"inner"}, {}, {"192.0.2.53"}), "outside"), ElementsAre("error 2"));
  EXPECT_THAT(host.asked(), IsEmpty());
}

}  // namespace
}  // namespace gantry::networks
