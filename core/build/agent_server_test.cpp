#include "build/agent_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

/// Answers what it is asked.
class Echo final : public AgentLine {
 public:
  awaitable<std::string> ask(std::string message) override { co_return message; }
  void close() override {}
};

class AgentServers : public ::testing::Test {
 protected:
  void SetUp() override { listen(); }
  void listen() {
    listener_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    place_ = {};
    place_.sun_family = AF_UNIX;
    size_ = sizeof(sa_family_t);  // A name of the kernel's choice.
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&place_), size_), 0);
    ASSERT_EQ(::listen(listener_.get(), 16), 0);
    size_ = sizeof place_;
    ASSERT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&place_), &size_), 0);
  }
  void serve(int listener) {
    server_ = std::make_shared<AgentServer>(io_.get_executor(), copy_of(listener), std::make_shared<Echo>());
    server_->start();
  }
  static UniqueFd copy_of(int fd) { return UniqueFd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}; }
  UniqueFd connect() {
    UniqueFd client{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&place_), size_) != 0) client.reset();
    return client;
  }
  /// What the agent says to a client that lists its keys; empty: it is not there.
  std::string answer_to(const UniqueFd& client) {
    constexpr std::string_view kList{"\0\0\0\1\x0b", 5};
    if (::send(client.get(), kList.data(), kList.size(), MSG_NOSIGNAL) < 0) return {};
    std::array<char, 64> answer{};
    for (;;) {
      const ssize_t got = ::recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT);
      if (got >= 0 || errno != EAGAIN) return {answer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
      io_.restart();
      io_.run_for(std::chrono::milliseconds{1});
    }
  }
  static std::size_t open_files() {
    const std::filesystem::directory_iterator all{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  UniqueFd listener_;
  sockaddr_un place_{};
  socklen_t size_ = 0;
  asio::io_context io_{1};
  std::shared_ptr<AgentServer> server_;
};

TEST_F(AgentServers, AskTheAgentUntilTheyAreStopped) {
  // The listener is the driver's too, and may be of either kind.
  for (const int flags : {0, O_NONBLOCK}) {
    listen();
    ASSERT_EQ(::fcntl(listener_.get(), F_SETFL, flags), 0);
    serve(listener_.get());
    const UniqueFd client = connect();
    EXPECT_EQ(answer_to(client), std::string("\0\0\0\1\x0b", 5));
    server_->stop();
    EXPECT_FALSE(connect());
    server_->stop();
  }
}

TEST_F(AgentServers, EndWithTheirListener) {
  serve(listener_.get());
  EXPECT_NE(answer_to(connect()), "");
  EXPECT_FALSE(server_->ended());
  ::shutdown(listener_.get(), SHUT_RDWR);
  while (!server_->ended()) std::this_thread::yield();
  EXPECT_FALSE(connect());
}

TEST_F(AgentServers, HaveABoundedNumberOfClients) {
  serve(listener_.get());
  std::vector<UniqueFd> clients;
  for (int n = 0; n < 256; ++n) {
    clients.push_back(connect());
    EXPECT_NE(answer_to(clients.back()), "");
  }
  EXPECT_EQ(answer_to(connect()), "");
  clients.clear();
  io_.restart();
  io_.run_for(std::chrono::milliseconds{50});
  EXPECT_NE(answer_to(connect()), "");
}

TEST_F(AgentServers, TakeNothingElse) {
  const UniqueFd path{::open("/tmp", O_PATH | O_CLOEXEC)};
  const UniqueFd file{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  const UniqueFd deaf{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const UniqueFd inet{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  ASSERT_EQ(::listen(inet.get(), 1), 0);
  const std::size_t before = open_files();
  for (const UniqueFd* other : {&path, &file, &deaf, &inet}) EXPECT_THROW(serve(other->get()), Error);
  EXPECT_EQ(open_files(), before);
}

}  // namespace
}  // namespace gantry::build
