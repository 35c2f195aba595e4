#include "api/server_fixture.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace gantry::api {

void ServerTest::add_routes() {
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

}  // namespace gantry::api
