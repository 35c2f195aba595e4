#include "api/http_exchange.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <cstring>

#include "api/connection.hpp"
#include "api/router.hpp"

namespace gantry::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// A client that sends what it has to say and ends its input.
class Script final : public Transport {
 public:
  explicit Script(std::string requests) : requests_(std::move(requests)) {}
  awaitable<void> handshake() override { co_return; }
  awaitable<std::size_t> read(asio::mutable_buffer buffer) override {
    const std::size_t got = std::min(buffer.size(), requests_.size());
    std::memcpy(buffer.data(), requests_.data(), got);
    requests_.erase(0, got);
    co_return got;
  }
  awaitable<void> write(std::string_view bytes) override {
    answers += bytes;
    if (on_write) on_write(bytes);
    co_return;
  }
  awaitable<void> close_write() override { co_return; }
  awaitable<void> hung_up() override { co_return; }
  void close() override {}

  std::string answers;
  std::function<void(std::string_view)> on_write;

 private:
  std::string requests_;
};

// A coroutine that has never waited for anything cannot be told that it was cancelled.
awaitable<void> write_large_piece(Exchange& exchange) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  const std::string piece(0x10000, 'x');
  co_await exchange.write(piece);
}

TEST(HttpExchange, ShowsThatItWasCancelledBetweenTheSendsOfAChunk) {
  const auto script =
      std::make_shared<Script>("GET /big HTTP/1.1\r\nHost: d\r\n\r\nGET /small HTTP/1.1\r\nHost: d\r\n\r\n");
  Router router;
  router.add("GET", "/small", [](Exchange&) -> awaitable<Response> { co_return Response::text("small"); });
  router.add("GET", "/big", [&script](Exchange& exchange) -> awaitable<Response> {
    co_await exchange.start(200, "text/plain");
    asio::cancellation_signal enough;
    script->on_write = [&enough](std::string_view bytes) {
      if (bytes == "10000\r\n") enough.emit(asio::cancellation_type::terminal);
    };
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    bool cancelled = false;
    try {
      co_await asio::co_spawn(executor, write_large_piece(exchange),
                              asio::bind_cancellation_slot(enough.slot(), asio::use_awaitable));
    } catch (const std::exception&) {
      cancelled = true;
    }
    script->on_write = nullptr;
    EXPECT_TRUE(cancelled);
    co_return Response::done();
  });
  asio::io_context context;
  const Limits limits;
  std::size_t large_headers = 0;
  asio::co_spawn(
      context,
      Connection::run(std::make_shared<Connection>(script, router, limits, large_headers, context.get_executor())),
      asio::detached);
  context.run();
  EXPECT_THAT(script->answers, EndsWith("\r\n\r\n10000\r\n")) << "no end, and nothing that would be taken for the rest";
  EXPECT_THAT(script->answers, Not(HasSubstr("small")));
}

}  // namespace
}  // namespace gantry::api
