// Containers' names over the daemon's end: whoever runs on goes on asking.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "engine.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

class Names : public Engine {
 protected:
  void SetUp() override {
    Engine::SetUp();
    cli("network create names");
    cli("run -d --name web --network names busybox sleep 1000");
    ASSERT_EQ(cli("run -d --name asker --network names busybox sleep 1000").code, 0);
    web_ = daemon->inspect("web", "/NetworkSettings/Networks/names/IPAddress").get<std::string>();
  }
  void TearDown() override {
    cli("rm -f web asker late");
    cli("network rm names");
    Engine::TearDown();
  }

  /// As a process of the container's that has its resolver once and for all, as nginx has.
  static UniqueFd connect_inside(const std::string& container, int type) {
    const std::string ns = "/proc/" + std::to_string(daemon->inspect(container, "/State/Pid").get<int>()) + "/ns/net";
    UniqueFd client;
    std::thread([&] {
      const UniqueFd netns(::open(ns.c_str(), O_RDONLY | O_CLOEXEC));
      if (::setns(netns.get(), CLONE_NEWNET) != 0) return;
      client.reset(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
      sockaddr_in server{};
      server.sin_family = AF_INET;
      server.sin_port = htons(53);
      ::inet_pton(AF_INET, "127.0.0.11", &server.sin_addr);
      EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&server), sizeof server), 0);
    }).join();
    return client;
  }

  /// The address of "web" as it is told; empty if nobody answers.
  static std::string ask(int client, int timeout_ms = 5000) {
    constexpr std::array<unsigned char, 21> kQuery{7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e', 'b', 0, 0, 1, 0, 1};
    if (::send(client, kQuery.data(), kQuery.size(), MSG_NOSIGNAL) < 0) return "";
    pollfd ready{client, POLLIN, 0};
    std::array<unsigned char, 512> answer{};
    if (::poll(&ready, 1, timeout_ms) != 1) return "";
    const ssize_t size = ::recv(client, answer.data(), answer.size(), 0);
    if (size < 16) return "";
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, answer.data() + size - 4, text.data(), text.size());
    return text.data();
  }

  std::string web_;
};

TEST_F(Names, WhoRunsOnGoesOnAskingAfterACrash) {
  const UniqueFd kept = connect_inside("asker", SOCK_DGRAM);
  EXPECT_EQ(ask(kept.get()), web_);
  for (int crash = 0; crash < 2; ++crash) {
    daemon->kill(SIGKILL);
    EXPECT_EQ(ask(kept.get(), 20), "") << "nobody is there";
    ASSERT_TRUE(daemon->start()) << daemon->log();
    EXPECT_EQ(ask(kept.get()), web_) << "by the socket that it has";
    EXPECT_EQ(ask(connect_inside("asker", SOCK_DGRAM).get()), web_);
  }
  EXPECT_THAT(cli("exec asker nslookup -type=a web 127.0.0.11").out, HasSubstr(web_));
  EXPECT_THAT(cli("exec web nslookup -type=a asker 127.0.0.11").out, HasSubstr("Address"));
  cli("run -d --name late --network names busybox sleep 1000");
  EXPECT_EQ(cli("exec asker nslookup -type=a late 127.0.0.11").code, 0);
  cli("rm -f web");
  EXPECT_EQ(ask(kept.get()).find(web_), std::string::npos) << "it is gone at once";
}

TEST_F(Names, ComeAndGoWithConnections) {
  cli("network create others");
  cli("run -d --name late --network others busybox sleep 1000");
  const auto asked = [](const std::string& name) {
    return cli("exec asker nslookup -type=a " + name + " 127.0.0.11").code;
  };
  EXPECT_NE(asked("late"), 0);
  cli("network connect --alias nick names late");
  EXPECT_EQ(asked("late"), 0);
  EXPECT_EQ(asked("nick"), 0);
  EXPECT_EQ(asked(daemon->inspect("late", "/Id").get<std::string>().substr(0, 12)), 0);
  const std::string address = daemon->inspect("late", "/NetworkSettings/Networks/names/IPAddress").get<std::string>();
  EXPECT_THAT(cli("exec asker nslookup " + address + " 127.0.0.11").out, HasSubstr("late.names"));
  cli("network disconnect names late");
  EXPECT_NE(asked("late"), 0);
  EXPECT_NE(asked("nick"), 0);
  cli("rm -f late");
  cli("network rm others");
}

}  // namespace
}  // namespace gantry::e2e
