#include <gmock/gmock.h>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "api/server_fixture.hpp"
#include "api/streams.hpp"

namespace gantry::api {
namespace {

using ::testing::EndsWith;

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
