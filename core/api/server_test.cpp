#include "api/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cstring>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/streams.hpp"
#include "base/id.hpp"

namespace gantry::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A client that speaks bytes.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("connect");
    }
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  void send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t put = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(put));
    }
  }

  void close_write() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  std::string until(std::string_view end) {
    while (received_.find(end) == std::string::npos && receive()) {
    }
    const auto at = received_.find(end);
    if (at == std::string::npos) return std::exchange(received_, {}) + "<end>";
    std::string out = received_.substr(0, at + end.size());
    received_.erase(0, out.size());
    return out;
  }

  /// What comes at once.
  std::string piece() {
    receive();
    return std::exchange(received_, {});
  }

  std::string rest() {
    while (receive()) {
    }
    return std::exchange(received_, {});
  }

 private:
  bool receive() {
    char buffer[4096];
    const ssize_t got = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }

  UniqueFd fd_;
  std::string received_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : folder_(std::filesystem::temp_directory_path() / ("gantry-" + random_id().substr(0, 12))) {
    limits_.linger_time = std::chrono::milliseconds{500};
    add_routes();
  }

  ~ServerTest() override {
    if (thread_.joinable()) stop();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    server_ = std::make_unique<Server>(context_, router_, limits_);
    for (Listener& listener : open_listeners("unix://" + path(), {})) server_->listen(std::move(listener));
    thread_ = std::thread{[this] { context_.run(); }};
  }

  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds{5000}) {
    asio::co_spawn(context_, server_->stop(grace), asio::detached);
    thread_.join();
    server_.reset();
  }

  [[nodiscard]] std::string path() const { return folder_ / "api.sock"; }

  void add_routes() {
    router_.add("GET", "/hello/{name}", [](Exchange& exchange) -> awaitable<Response> {
      co_return Response::json({{"hello", exchange.request().parameter("name")}});
    });
    router_.add("POST", "/echo", [](Exchange& exchange) -> awaitable<Response> {
      std::string body = co_await exchange.body(100'000);
      co_return Response::text(std::move(body));
    });
    router_.add("POST", "/ignore", [](Exchange&) -> awaitable<Response> { co_return Response::no_content(); });
    router_.add("GET", "/throw", [](Exchange&) -> awaitable<Response> {
      throw Error{Errc::conflict, "in use"};
      co_return Response::done();
    });
    router_.add("GET", "/pieces", [](Exchange& exchange) -> awaitable<Response> {
      co_await exchange.start(200, "application/json");
      for (int i = 0; i < 3; ++i) {
        const nlohmann::json line = {{"n", i}};
        co_await exchange.write_json(line);
      }
      co_return Response::done();
    });
    router_.add("GET", "/breaks", [](Exchange& exchange) -> awaitable<Response> {
      co_await exchange.start(200, "text/plain");
      co_await exchange.write("half");
      throw Error{Errc::io, "broken"};
    });
    router_.add("GET", "/forever", [this](Exchange& exchange) -> awaitable<Response> {
      co_await exchange.start(200, "text/plain");
      co_await exchange.client_gone();
      gone_.set_value();
      co_return Response::done();
    });
    router_.add("POST", "/hijack", [](Exchange& exchange) -> awaitable<Response> {
      const auto client = co_await exchange.upgrade("application/vnd.docker.multiplexed-stream");
      std::array<std::byte, 64> buffer{};
      std::string all;
      while (const std::size_t got = co_await client->read(buffer)) {
        const std::string piece{reinterpret_cast<const char*>(buffer.data()), got};
        co_await client->write(piece);
        all += piece;
      }
      const std::string last = "total " + std::to_string(all.size());
      co_await client->write(last);
      co_return Response::done();
    });
  }

  asio::io_context context_;
  Router router_;
  Limits limits_;
  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
  std::promise<void> gone_;
};

TEST_F(ServerTest, KeepsConnectionsAndTakesRequestsInARow) {
  start();
  Client client{path()};
  client.send("GET /hello/a HTTP/1.1\r\nHost: d\r\n\r\nGET /v1.45/hello/b%2Fc HTTP/1.1\r\nHost: d\r\n\r\n");
  const std::string head = client.until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\nApi-Version: 1.56\r\n"));
  EXPECT_THAT(head, HasSubstr("Docker-Experimental: false\r\nOstype: linux\r\nServer: Gantry/"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 14\r\n"));
  EXPECT_EQ(client.until("\n"), "{\"hello\":\"a\"}\n");
  client.until("\r\n\r\n");
  EXPECT_EQ(client.until("\n"), "{\"message\":\"page not found\"}\n");
  client.send("GET /hello/c HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.rest(), EndsWith("{\"hello\":\"c\"}\n"));
}

TEST_F(ServerTest, AnswersErrorsAsDockerd) {
  start();
  Client client{path()};
  client.send("GET /nope HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_THAT(client.until("\n\r\n"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_EQ(client.until("\n"), "{\"message\":\"page not found\"}\n");
  client.send("GET /v1.99/throw HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_THAT(client.until("\n\r\n"), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(client.until("\n"), HasSubstr("client version 1.99 is too new"));
  client.send("GET /throw HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_THAT(client.until("\n\r\n"), StartsWith("HTTP/1.1 409 Conflict\r\n"));
  EXPECT_EQ(client.until("\n"), "{\"message\":\"in use\"}\n");
}

TEST_F(ServerTest, ReadsChunkedBodiesAndContinues) {
  start();
  Client client{path()};
  client.send("POST /echo HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("5\r\nhel");
  client.send("lo\r\n1\r\n!\r\n0\r\n\r\n");
  client.until("\r\n\r\n");
  EXPECT_EQ(client.until("!"), "hello!");
}

TEST_F(ServerTest, SkipsABodyThatNobodyReads) {
  start();
  Client client{path()};
  client.send(
      "POST /ignore HTTP/1.1\r\nHost: d\r\nContent-Length: 5\r\n\r\nhelloGET /hello/a HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_THAT(client.until("\r\n\r\n"), StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(client.until("}"), HasSubstr("\"a\""));
}

TEST_F(ServerTest, StreamsInChunksAndShowsABrokenEnd) {
  start();
  Client client{path()};
  client.send("GET /pieces HTTP/1.1\r\nHost: d\r\n\r\n");
  client.until("\r\n\r\n");
  EXPECT_EQ(client.until("0\r\n\r\n"), "8\r\n{\"n\":0}\n\r\n8\r\n{\"n\":1}\n\r\n8\r\n{\"n\":2}\n\r\n0\r\n\r\n");
  client.send("GET /breaks HTTP/1.1\r\nHost: d\r\n\r\n");
  EXPECT_THAT(client.rest(), EndsWith("4\r\nhalf\r\n"));
  Client old{path()};
  old.send("GET /pieces HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.rest(), EndsWith("\r\n\r\n{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n"));
}

TEST_F(ServerTest, SeesThatTheClientHasGone) {
  start();
  Client client{path()};
  client.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
  client.until("\r\n\r\n");
  client.close();
  EXPECT_EQ(gone_.get_future().wait_for(std::chrono::seconds{20}), std::future_status::ready);
}

TEST_F(ServerTest, StopsWithStreamsAndIdleClientsOpen) {
  start();
  Client idle{path()};
  idle.send("GET /hello/a HTTP/1.1\r\nHost: d\r\n\r\n");
  idle.until("}");
  Client stream{path()};
  stream.send("GET /forever HTTP/1.1\r\nHost: d\r\n\r\n");
  stream.until("\r\n\r\n");
  Client hijacked{path()};
  hijacked.send("POST /hijack HTTP/1.1\r\nHost: d\r\n\r\n");
  hijacked.until("\r\n\r\n");
  stop();
  EXPECT_EQ(stream.rest(), "0\r\n\r\n");
  EXPECT_EQ(hijacked.rest(), "");
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ServerTest, HandsTheConnectionOver) {
  start();
  Client client{path()};
  client.send("POST /v1.45/hijack HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly ");
  const std::string head = client.until("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
                               "Connection: Upgrade\r\nUpgrade: tcp\r\n"));
  EXPECT_EQ(client.until("early "), "early ");
  client.send("late");
  client.close_write();
  EXPECT_EQ(client.rest(), "latetotal 10");
}

TEST_F(ServerTest, HandsTheConnectionOverToOldClients) {
  start();
  Client client{path()};
  client.send("POST /v1.24/hijack HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(client.until("\r\n\r\n"),
              StartsWith("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"));
  client.close_write();
  EXPECT_EQ(client.rest(), "total 0");
}

TEST_F(ServerTest, RefusesGarbageAndTooMuch) {
  start();
  for (const char* garbage : {"\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                              "GET /hello/a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
                              "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    Client client{path()};
    client.send(garbage);
    EXPECT_THAT(client.rest(), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << garbage;
  }
  for (const char* encoding : {"xchunked", "identity", "gzip, chunked", "chunked, x"}) {
    Client client{path()};
    client.send(std::string{"POST /echo HTTP/1.1\r\nTransfer-Encoding: "} + encoding +
                "\r\n\r\nGET /hello/a HTTP/1.1\r\n\r\n");
    const std::string answer = client.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 501 Not Implemented\r\n")) << encoding;
    EXPECT_THAT(answer, Not(HasSubstr("200 OK"))) << encoding;
  }
  const std::string too_much(1'200'000, 'x');
  for (const std::string& head : {"GET /hello/a HTTP/1.1\r\nX: " + too_much + "\r\n\r\n",
                                  "GET /hello/a HTTP/1.1\r\n" + too_much + ": x\r\n\r\n", "GET /" + too_much}) {
    Client large{path()};
    large.send(head);
    const std::string answer = large.rest();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n431 Request Header Fields Too Large"));
  }
  Client chunks{path()};
  chunks.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_THAT(chunks.rest(), StartsWith("HTTP/1.1 400 "));
  Client body{path()};
  body.send("POST /echo HTTP/1.1\r\nContent-Length: 100001\r\n\r\n");
  body.close_write();
  EXPECT_THAT(body.rest(), Not(HasSubstr("200 OK")));
}

TEST_F(ServerTest, CutsOffSlowHeadersAndIdleClients) {
  limits_.header_time = std::chrono::milliseconds{50};
  limits_.idle_time = std::chrono::milliseconds{100};
  start();
  Client slow{path()};
  slow.send("GET /hello/a HT");
  EXPECT_EQ(slow.rest(), "");
  Client idle{path()};
  EXPECT_EQ(idle.rest(), "");
}

TEST_F(ServerTest, BoundsTheNumberOfConnections) {
  limits_.connections = 1;
  start();
  Client first{path()};
  first.send("GET /hello/a HTTP/1.1\r\nHost: d\r\n\r\n");
  first.until("}");
  Client second{path()};
  EXPECT_THAT(second.rest(), HasSubstr("too many connections"));
}

TEST_F(ServerTest, TakesHeadersWithManyCredentials) {
  router_.add("POST", "/header", [](Exchange& exchange) -> awaitable<Response> {
    const std::string config = exchange.header("x-registry-CONFIG").value_or("");
    std::string body = co_await exchange.body(100);
    co_return Response::text(std::to_string(config.size()) + " and " + body + "!");
  });
  start();
  Client client{path()};
  for (const std::size_t size : {60'000U, 65'530U, 80'000U, 140'000U, 1'000'000U, 10U}) {
    client.send("POST /header HTTP/1.1\r\nHost: d\r\nX-Registry-Config: " + std::string(size, 'a') +
                "\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_THAT(client.until("!"), EndsWith("\r\n\r\n" + std::to_string(size) + " and body!"));
  }
}

TEST_F(ServerTest, BoundsTheNumberOfLargeHeaders) {
  limits_.large_headers = 1;
  std::promise<void> waiting;
  router_.add("GET", "/wait", [&](Exchange& exchange) -> awaitable<Response> {
    waiting.set_value();
    co_await exchange.client_gone();
    gone_.set_value();
    co_return Response::done();
  });
  start();
  const std::string field = " HTTP/1.1\r\nHost: d\r\nX: " + std::string(200'000, 'x') + "\r\n\r\n";
  Client first{path()};
  for (int i = 0; i < 3; ++i) {
    first.send("GET /hello/a" + field);
    EXPECT_THAT(first.until("}"), HasSubstr(" 200 OK"));
  }
  first.send("GET /wait" + field);
  waiting.get_future().wait();
  Client second{path()};
  second.send("GET /hello/a" + field);
  EXPECT_THAT(second.rest(), HasSubstr("503 Service Unavailable"));
  first.close();
  gone_.get_future().wait();
}

// They go on for hours, and have no use for it.
TEST_F(ServerTest, HasForgottenTheLargeHeadersOfStreams) {
  limits_.large_headers = 1;
  start();
  const std::string long_field = "X: " + std::string(200'000, 'x') + "\r\n";
  std::string many;
  for (int i = 0; i < 20; ++i) many += "X: " + std::string(10'000, 'x') + "\r\n";
  Client hijacked{path()};
  hijacked.send("POST /hijack HTTP/1.1\r\nHost: d\r\n" + long_field + "\r\n");
  EXPECT_THAT(hijacked.until("\r\n\r\n"), HasSubstr(" 200 OK"));
  Client stream{path()};
  stream.send("GET /forever HTTP/1.1\r\nHost: d\r\n" + many + "\r\n");
  EXPECT_THAT(stream.until("\r\n\r\n"), HasSubstr(" 200 OK"));
  Client other{path()};
  other.send("GET /hello/a HTTP/1.1\r\nHost: d\r\n" + long_field + "\r\n");
  EXPECT_THAT(other.until("}"), HasSubstr(" 200 OK"));
  stream.close();
  gone_.get_future().wait();
}

TEST_F(ServerTest, CopiesStreamsUntilDetached) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd process{pair[0]};
  std::promise<StreamEnd> ended;
  router_.add("POST", "/attach", [&](Exchange& exchange) -> awaitable<Response> {
    const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
    StreamSettings settings;
    settings.input = true;
    settings.detach_keys.emplace("");
    UniqueFd socket{pair[1]};
    ended.set_value(co_await copy_streams(client, std::move(socket), std::move(settings)));
    co_return Response::done();
  });
  start();
  Client client{path()};
  client.send("POST /attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nin\x10");
  client.until("\r\n\r\n");
  ASSERT_EQ(::write(process.get(), "out", 3), 3);
  EXPECT_EQ(client.until("out"), "out");
  client.send("\x11");
  EXPECT_EQ(ended.get_future().get(), StreamEnd::detached);
  char buffer[16];
  EXPECT_EQ(::read(process.get(), buffer, sizeof(buffer)), 2);
  EXPECT_EQ(client.rest(), "");
}

TEST_F(ServerTest, CopiesStreamsPastTheEndOfInput) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd process{pair[0]};
  std::promise<StreamEnd> ended;
  router_.add("POST", "/attach", [&](Exchange& exchange) -> awaitable<Response> {
    const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
    StreamSettings settings;
    settings.input = true;
    settings.close_input = true;
    UniqueFd socket{pair[1]};
    ended.set_value(co_await copy_streams(client, std::move(socket), std::move(settings)));
    co_return Response::done();
  });
  start();
  Client client{path()};
  client.send("POST /attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nin");
  client.close_write();
  client.until("\r\n\r\n");
  char buffer[16];
  EXPECT_EQ(::read(process.get(), buffer, sizeof(buffer)), 2);
  EXPECT_EQ(::read(process.get(), buffer, sizeof(buffer)), 0);
  ASSERT_EQ(::write(process.get(), "out", 3), 3);
  process.reset();
  EXPECT_EQ(ended.get_future().get(), StreamEnd::output_ended);
  EXPECT_EQ(client.rest(), "out");
}

TEST_F(ServerTest, EndsStreamsOfAProcessThatGoesOnWithTheirInput) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  UniqueFd process{pair[0]};
  router_.add("POST", "/attach", [&](Exchange& exchange) -> awaitable<Response> {
    const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
    StreamSettings settings;
    settings.input = true;
    UniqueFd socket{pair[1]};
    co_await copy_streams(client, std::move(socket), std::move(settings));
    client->close();
    co_return Response::done();
  });
  start();
  Client client{path()};
  client.send("POST /attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nin");
  client.until("\r\n\r\n");
  client.close_write();
  char buffer[16];
  EXPECT_EQ(::read(process.get(), buffer, sizeof(buffer)), 2);
  EXPECT_EQ(client.rest(), "");
}

// docker-py reads the head through a buffer and the stream past it.
TEST_F(ServerTest, SendsNothingOfAStreamBeforeItsHeadIsRead) {
  router_.add("POST", "/attach", [&](Exchange& exchange) -> awaitable<Response> {
    const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
    co_await client->write("out");
    client->close();
    co_return Response::done();
  });
  start();
  Client client{path()};
  client.send("POST /attach HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_THAT(client.piece(), ::testing::EndsWith("\r\n\r\n"));
  EXPECT_EQ(client.rest(), "out");
}

}  // namespace
}  // namespace gantry::api
