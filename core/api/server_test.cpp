#include <gmock/gmock.h>

#include "api/server_fixture.hpp"

namespace gantry::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

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

}  // namespace
}  // namespace gantry::api
