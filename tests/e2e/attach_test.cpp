// Clients of a container's streams: several at once, by WebSocket, away and back; and the log that is kept of them.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "engine.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::e2e {
namespace {

using ::testing::HasSubstr;

/// A WebSocket to the daemon, by hand.
class WebSocket {
 public:
  WebSocket(const std::string& socket, const std::string& target)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    send("GET " + target +
         " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  }

  /// A frame with a mask of zeros.
  void frame(char opcode, const std::string& payload) const {
    send(std::string{static_cast<char>(0x80 | opcode), static_cast<char>(0x80 | payload.size()), 0, 0, 0, 0} + payload);
  }
  /// Reads until `text` has come; false at the end, or if that takes too long.
  bool wait_for(const std::string& text) {
    while (got_.find(text) == std::string::npos) {
      pollfd ready{fd_.get(), POLLIN, 0};
      char buffer[4096];
      if (::poll(&ready, 1, 20'000) != 1) return false;
      const ssize_t size = ::read(fd_.get(), buffer, sizeof buffer);
      if (size <= 0) return false;
      got_.append(buffer, static_cast<std::size_t>(size));
    }
    return true;
  }
  [[nodiscard]] const std::string& got() const { return got_; }

 private:
  void send(const std::string& bytes) const { (void)!::write(fd_.get(), bytes.data(), bytes.size()); }

  UniqueFd fd_;
  std::string got_;
};

class WebSocketAttach : public Engine {};

TEST_F(WebSocketAttach, CarriesTheStreams) {
  cli("run -di --name echo busybox sh -c 'while read x; do echo out-$x; echo err-$x >&2; done; echo bye'");
  WebSocket client(daemon->socket().string(), "/v1.43/containers/echo/attach/ws?stream=1&stdin=1&stdout=1&stderr=1");
  ASSERT_TRUE(client.wait_for("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")) << client.got();
  EXPECT_THAT(client.got(), HasSubstr("HTTP/1.1 101 Switching Protocols\r\n"));
  client.frame(2, "one\n");
  EXPECT_TRUE(client.wait_for("out-one\n")) << client.got();
  EXPECT_TRUE(client.wait_for("err-one\n")) << client.got();
  client.frame(9, "ping");
  EXPECT_TRUE(client.wait_for("\x8a\x04ping")) << client.got();
  client.frame(8, "\x03\xe8");
  EXPECT_TRUE(client.wait_for("\x88\x02\x03\xe8")) << client.got();
  EXPECT_EQ(daemon->inspect("echo", "/State/Running"), true);
}

TEST(WebSocketOverTcp, IsNotForOtherSitesPages) {
  Daemon daemon{{{"tls", false}}};
  daemon.write_config({{"hosts", {daemon.host(), "tcp://127.0.0.1:2375"}}, {"tls", false}});
  ASSERT_TRUE(daemon.start()) << daemon.log();
  load_busybox(daemon);
  daemon.cli("run -di --name cat busybox cat");
  const auto status = [](const std::string& origin) {
    return shell(
               "curl -s -m 1 -o /dev/null -w '%{http_code}' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H "
               "'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Origin: " +
               origin + "' 'http://127.0.0.1:2375/v1.43/containers/cat/attach/ws?stream=1&stdout=1'")
        .out;
  };
  EXPECT_EQ(status("http://127.0.0.1:2375"), "101");
  EXPECT_EQ(status(""), "101");
  EXPECT_EQ(status("https://elsewhere.example"), "403");
  EXPECT_EQ(status("null"), "403");
  daemon.cli("rm -f cat");
}

TEST_F(WebSocketAttach, EndsWithTheContainer) {
  cli("create --name brief busybox echo done");
  WebSocket client(daemon->socket().string(), "/containers/brief/attach/ws?stream=1&stdout=1");
  ASSERT_TRUE(client.wait_for("\r\n\r\n"));
  cli("start brief");
  EXPECT_TRUE(
      client.wait_for("\x82\x05"
                      "done\n"))
      << client.got();
  EXPECT_TRUE(client.wait_for("\x88\x02\x03\xe8")) << client.got();
  WebSocket past(daemon->socket().string(), "/containers/brief/attach/ws?logs=1&stdout=1");
  EXPECT_TRUE(
      past.wait_for("\x82\x05"
                    "done\n"))
      << past.got();
}

TEST_F(WebSocketAttach, IsRefusedToWhoAsksForNone) {
  cli("create --name plain busybox");
  EXPECT_THAT(daemon->api("GET", "/containers/plain/attach/ws?stream=1").dump(), HasSubstr("not websocket protocol"));
  EXPECT_EQ(daemon->status(), 400);
}

class Attach : public BothClients {};
INSTANTIATE_TEST_SUITE_P(By, Attach, ::testing::Values("gantry", "docker"), client_name);

TEST_P(Attach, SeveralSeeTheSame) {
  run("run -di --name many busybox sh -c 'while read x; do echo got-$x; done'");
  const auto first = background("attach many");
  const auto second = background("attach many");
  // Once each has seen what it typed itself, both are there.
  first->type("a\n");
  EXPECT_TRUE(first->wait_for("got-a")) << first->output();
  second->type("b\n");
  EXPECT_TRUE(second->wait_for("got-b")) << second->output();
  first->type("c\n");
  EXPECT_TRUE(first->wait_for("got-c")) << first->output();
  EXPECT_TRUE(second->wait_for("got-c")) << second->output();
  run("rm -f many");
}

TEST_P(Attach, KeysLeadAwayAndBack) {
  run("run -dit --name shell busybox sh");
  const auto client = background("attach --detach-keys ctrl-x,y shell", true);
  client->type("stty size\n");
  EXPECT_TRUE(client->wait_for("24 80")) << client->output();
  client->resize(40, 100);
  client->type("until [ \"$(stty size)\" = '40 100' ]; do :; done; echo res''ized\n");
  EXPECT_TRUE(client->wait_for("resized")) << client->output();
  client->type("\x18y");
  client->wait();
  EXPECT_EQ(daemon->inspect("shell", "/State/Running"), true);
  const auto again = background("attach shell", true);
  again->type("echo ba''ck; exit 3\n");
  EXPECT_TRUE(again->wait_for("back")) << again->output();
  EXPECT_EQ(again->wait(), 3);
}

class KeptLog : public Engine {};

TEST_F(KeptLog, IsCleared) {
  cli("run -di --name talk --log-opt max-size=1k --log-opt max-file=3 busybox sh -c 'while read x; do echo $x; done'");
  const auto typist = daemon->background("attach talk");
  for (int number = 0; number < 50; ++number) typist->type("line" + std::to_string(number) + "\n");
  ASSERT_TRUE(typist->wait_for("line49")) << typist->output();
  const auto reader = daemon->background("logs -f talk");
  ASSERT_TRUE(reader->wait_for("line49")) << reader->output();
  EXPECT_EQ(cli("logs --clear talk").code, 0);
  EXPECT_EQ(cli("logs talk").out, "");
  typist->type("after\n");
  EXPECT_TRUE(reader->wait_for("after")) << reader->output();
  EXPECT_EQ(cli("logs talk").out, "after\n");
  cli("rm -f talk");
  cli("run --name ended busybox echo x");
  EXPECT_EQ(cli("logs --clear ended").code, 0);
  EXPECT_EQ(cli("logs ended").out, "");
  EXPECT_THAT(cli("logs --clear nosuch").err, HasSubstr("No such container: nosuch"));
}

}  // namespace
}  // namespace gantry::e2e
