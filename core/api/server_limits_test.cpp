#include <gmock/gmock.h>

#include "api/server_fixture.hpp"

namespace gantry::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace gantry::api
