#include "api/system.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "api/as_of.hpp"
#include "api/member_order.hpp"
#include "base/time.hpp"
#include "events/filter.hpp"

namespace gantry::api {

namespace {

constexpr Nanoseconds kForever = std::numeric_limits<Nanoseconds>::max();

struct EventFormat {
  Version version;
  std::string type{"application/json"};
};

// Since 1.52 a client may choose; json-seq is RFC 7464.
EventFormat event_format(const Exchange& exchange) {
  EventFormat format;
  format.version = exchange.request().version;
  if (format.version < Version{1, 52}) return format;
  const std::string accepted = exchange.header("Accept").value_or("");
  for (const char* type : {"application/jsonl", "application/x-ndjson", "application/json-seq"}) {
    if (format.version < Version{1, 53} && std::string_view{type}.ends_with("jsonl")) continue;
    if (accepted.find(type) != std::string::npos) {
      format.type = type;
      break;
    }
  }
  return format;
}

std::string line(const events::Event& event, const EventFormat& format) {
  wire::EventMessage out;
  out.type = event.type;
  out.action = event.action;
  out.actor = event.actor;
  out.attributes = event.attributes;
  out.time_nano = event.time;
  nlohmann::ordered_json json = out;
  show_event_as_of(format.version, json);
  const std::string mark = format.type == "application/json-seq" ? "\x1e" : "";
  return mark + json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Response system_answer(const nlohmann::ordered_json& body) {
  Response response = Response::json(nullptr);
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  return response;
}

// Waits for the next event; nothing when the client has gone, the time is over, or the daemon ends.
awaitable<std::optional<events::Event>> next_event(Exchange& exchange, events::Subscription& subscription,
                                                   asio::steady_timer& end) {
  using namespace asio::experimental::awaitable_operators;
  auto came = co_await (subscription.next() || exchange.client_gone() || end.async_wait(asio::use_awaitable));
  if (came.index() != 0) co_return std::nullopt;
  co_return std::move(std::get<0>(came));
}

}  // namespace

void System::add_routes(Router& router) {
  for (const char* method : {"GET", "HEAD"}) {
    router.add(method, "/_ping", [this](Exchange& exchange) { return ping(exchange); });
  }
  router.add("GET", "/info", [this](Exchange& exchange) { return info(exchange); });
  router.add("GET", "/version", [this](Exchange& exchange) { return version(exchange); });
  router.add("GET", "/events", [this](Exchange& exchange) { return events(exchange); });
  router.add("GET", "/system/df", [this](Exchange& exchange) { return disk_usage(exchange); });
  for (const char* noun : {"/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"}) {
    for (const char* method : {"GET", "POST", "DELETE"}) {
      router.add(method, noun, [this](Exchange& exchange) { return no_swarm(exchange); });
      router.add(method, std::string{noun} + "/{rest:*}", [this](Exchange& exchange) { return no_swarm(exchange); });
    }
  }
}

awaitable<Response> System::ping(Exchange& exchange) {
  Response response = Response::text(exchange.request().method == "HEAD" ? "" : "OK");
  // 1: no BuildKit, so that clients build with the classic builder.
  response.headers = {{"Builder-Version", "1"},
                      {"Cache-Control", "no-cache, no-store, must-revalidate"},
                      {"Pragma", "no-cache"},
                      {"Swarm", "inactive"}};
  co_return response;
}

awaitable<Response> System::no_swarm(Exchange& exchange) {
  const auto rest = exchange.request().parameters.find("rest");
  if (rest != exchange.request().parameters.end() && rest->second == "leave") {
    throw Error{Errc::unavailable, "This node is not part of a swarm"};
  }
  throw Error{
      Errc::unavailable,
      "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this node "
      "to swarm and try again."};
  co_return Response::done();
}

awaitable<Response> System::info(Exchange& exchange) {
  const wire::Info info = co_await service_.info();
  nlohmann::ordered_json body = info;
  show_info_as_of(exchange.request().version, body);
  co_return system_answer(body);
}

awaitable<Response> System::version(Exchange&) {
  const nlohmann::ordered_json body = service_.version();
  co_return system_answer(body);
}

awaitable<Response> System::events(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string since_text = request.get("since");
  const std::string until_text = request.get("until");
  const Nanoseconds since = request.time("since").value_or(0);
  const Nanoseconds until = request.time("until").value_or(kForever);
  if (since > until) {
    throw Error{Errc::invalid, "`since` time (" + since_text + ") cannot be after `until` time (" + until_text + ")"};
  }
  const events::Filter filter = events::make_filter(request.filters());
  const auto subscription = bus_.subscribe(filter);
  const auto past =
      since_text.empty() && until > now() ? std::vector<events::Event>{} : bus_.history(since, until, filter);
  const EventFormat format = event_format(exchange);
  co_await exchange.start(200, format.type);
  for (const events::Event& event : past) {
    const std::string text = line(event, format);
    co_await exchange.write(text);
  }
  const Nanoseconds left = until == kForever ? kForever : until - now();
  if (left <= 0) co_return Response::done();
  asio::steady_timer end{co_await asio::this_coro::executor};
  if (until == kForever) {
    end.expires_at(asio::steady_timer::time_point::max());
  } else {
    end.expires_after(std::chrono::nanoseconds{left});
  }
  for (;;) {
    const std::optional<events::Event> event = co_await next_event(exchange, *subscription, end);
    if (!event) co_return Response::done();
    const std::string text = line(*event, format);
    co_await exchange.write(text);
  }
}

awaitable<Response> System::disk_usage(Exchange& exchange) {
  const std::vector<std::string> types = exchange.request().all("type");
  for (const std::string& type : types) {
    if (type != "container" && type != "image" && type != "volume" && type != "build-cache") {
      throw Error{Errc::invalid, "unknown object type: " + type};
    }
  }
  nlohmann::json body = {{"LayersSize", 0},
                         {"Images", nullptr},
                         {"Containers", nullptr},
                         {"Volumes", nullptr},
                         {"BuildCache", nlohmann::json::array()}};
  for (const auto& [type, usage] : disk_usage_) {
    if (!types.empty() && std::find(types.begin(), types.end(), type) == types.end()) continue;
    const nlohmann::json part = co_await usage();
    body.update(part);
  }
  show_disk_usage_as_of(exchange.request().version, exchange.request().flag("verbose"), body);
  co_return json_in_order(body, kDiskUsageOrder);
}

}  // namespace gantry::api
