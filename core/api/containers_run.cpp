#include <nlohmann/json.hpp>

#include "api/client_watch.hpp"
#include "api/containers.hpp"

namespace gantry::api {

namespace {

containers::StopRequest stop_request(const Request& request) {
  containers::StopRequest stop;
  stop.signal = request.get("signal");
  if (const auto seconds = request.number("t", "Atoi")) {
    stop.timeout = static_cast<int>(std::clamp<std::int64_t>(*seconds, -1, 1'000'000'000));
  }
  return stop;
}

containers::WaitCondition wait_condition(const Request& request) {
  // Older clients know of no conditions.
  const std::string text = request.version < Version{1, 30} ? "" : request.get("condition");
  if (text.empty() || text == "not-running") return containers::WaitCondition::not_running;
  if (text == "next-exit") return containers::WaitCondition::next_exit;
  if (text == "removed") return containers::WaitCondition::removed;
  throw Error{Errc::invalid, "invalid condition: \"" + text + "\""};
}

}  // namespace

awaitable<Response> Containers::post_start(Exchange& exchange) {
  const std::string body = co_await exchange.body();
  // Before 1.24 it had a host config.
  if (body.find_first_not_of(" \t\r\n{}") != std::string::npos && body.size() > 2) {
    throw Error{Errc::invalid,
                "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"};
  }
  if (!exchange.request().get("checkpoint").empty()) {
    throw Error{Errc::invalid, "checkpoint is only supported in experimental mode"};
  }
  const bool changed = co_await service_.start(exchange.request().parameter("id"));
  co_return changed ? Response::no_content() : Response::not_modified();
}

awaitable<Response> Containers::post_stop(Exchange& exchange) {
  auto request = stop_request(exchange.request());
  const bool changed = co_await service_.stop(exchange.request().parameter("id"), std::move(request));
  co_return changed ? Response::no_content() : Response::not_modified();
}

awaitable<Response> Containers::post_restart(Exchange& exchange) {
  auto request = stop_request(exchange.request());
  co_await service_.restart(exchange.request().parameter("id"), std::move(request));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_kill(Exchange& exchange) {
  co_await service_.kill(exchange.request().parameter("id"), exchange.request().get("signal"));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_pause(Exchange& exchange) {
  co_await service_.pause(exchange.request().parameter("id"));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_unpause(Exchange& exchange) {
  co_await service_.unpause(exchange.request().parameter("id"));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_wait(Exchange& exchange) {
  const auto condition = wait_condition(exchange.request());
  const auto waiter = service_.wait(exchange.request().parameter("id"), condition);
  // The headers go out at once: the docker CLI starts the container only after it has them.
  co_await exchange.start(200, "application/json");
  const auto executor = co_await asio::this_coro::executor;
  ClientWatch watch{executor, exchange.client_gone(), [waiter] { waiter->close(); }};
  std::optional<containers::WaitResult> result;
  try {
    result = co_await waiter->result();
  } catch (const Error& error) {
    if (error.code() != Errc::cancelled) throw;
  }
  co_await watch.stop();
  if (result) {
    nlohmann::json answer{{"StatusCode", result->exit_code}};
    if (!result->error.empty()) answer["Error"] = {{"Message", result->error}};
    co_await exchange.write_json(answer);
  }
  co_return Response::done();
}

}  // namespace gantry::api
