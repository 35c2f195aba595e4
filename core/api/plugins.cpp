#include "api/plugins.hpp"

#include <nlohmann/json.hpp>

namespace gantry::api {

namespace {

using Values = std::vector<std::string>;

// As Go prints it: "[a b]".
std::string listed(const Values& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : " ") + value;
  return "[" + text + "]";
}

}  // namespace

void Plugins::add_routes(Router& router) {
  router.add("GET", "/plugins", [this](Exchange& exchange) { return docker_plugins(exchange); });
  router.add("GET", "/plugins/{name:*}/json", [this](Exchange& exchange) { return docker_plugin(exchange); });
  router.add("DELETE", "/plugins/{name:*}", [this](Exchange& exchange) { return docker_plugin(exchange); });
  router.add("GET", "/plugins/privileges", [this](Exchange& exchange) { return install(exchange); });
  router.add("POST", "/plugins/pull", [this](Exchange& exchange) { return install(exchange); });
  router.add("POST", "/plugins/create", [this](Exchange& exchange) { return install(exchange); });
  for (const char* verb : {"enable", "disable", "set", "push", "upgrade"}) {
    router.add("POST", std::string{"/plugins/{name:*}/"} + verb,
               [this](Exchange& exchange) { return docker_plugin(exchange); });
  }
  router.add("GET", "/gantry/plugins", [this](Exchange& exchange) { return list(exchange); });
  router.add("GET", "/gantry/plugins/{name:*}", [this](Exchange& exchange) { return inspect(exchange); });
  const auto change = [&](const char* verb, awaitable<Response> (Plugins::*method)(Exchange&)) {
    router.add("POST", std::string{"/gantry/plugins/{name:*}/"} + verb,
               [this, method](Exchange& exchange) { return (this->*method)(exchange); });
  };
  change("enable", &Plugins::enable);
  change("disable", &Plugins::disable);
  change("reload", &Plugins::reload);
}

awaitable<Response> Plugins::docker_plugins(Exchange& exchange) {
  const auto filters = exchange.request().filters();
  for (const auto& [name, values] : filters) {
    if (name != "enabled" && name != "capability") throw Error{Errc::invalid, "invalid filter '" + name + "'"};
    if (name == "enabled" && values != Values{"true"} && values != Values{"false"}) {
      throw Error{Errc::invalid, "invalid filter 'enabled=" + listed(values) + "'"};
    }
  }
  co_return Response::json(nlohmann::json::array());
}

// Plugins as images are not had: drivers, and plugins that run by themselves, are.
awaitable<Response> Plugins::install(Exchange& exchange) {
  const bool creates = exchange.request().path.ends_with("/create");
  const std::string name = exchange.request().get(creates ? "name" : "remote");
  if (name.empty() && creates) throw Error{Errc::invalid, "failed to parse reference : invalid reference format"};
  if (name.empty()) throw Error{Errc::invalid, "invalid reference format"};
  throw Error{Errc::unsupported, "plugin \"" + name +
                                     "\": managed plugins are not run here: a plugin that listens by itself, or a "
                                     "driver of gantry's, takes its place"};
  co_return Response::done();
}

awaitable<Response> Plugins::docker_plugin(Exchange& exchange) {
  std::string name = exchange.request().parameter("name");
  const std::string path = exchange.request().path;
  if (path.ends_with("/set")) (void)co_await exchange.body_json();
  // An upgrade names an image.
  if (path.ends_with("/upgrade") && name.find(':') == std::string::npos) name += ":latest";
  if (path.ends_with("/enable") && !exchange.request().number("timeout", "Atoi")) {
    throw Error{Errc::invalid, "strconv.Atoi: parsing \"\": invalid syntax"};
  }
  throw Error{Errc::not_found, "plugin \"" + name + "\" not found"};
  co_return Response::done();
}

awaitable<Response> Plugins::list(Exchange&) {
  nlohmann::json body = nlohmann::json::array();
  for (const wire::Plugin& plugin : service_.plugins()) {
    const nlohmann::ordered_json item = plugin;
    body.emplace_back(item);
  }
  co_return Response::json(body);
}

awaitable<Response> Plugins::inspect(Exchange& exchange) {
  const nlohmann::ordered_json body = service_.plugin(exchange.request().parameter("name"));
  co_return Response::json(body);
}

awaitable<Response> Plugins::enable(Exchange& exchange) {
  co_await service_.enable_plugin(exchange.request().parameter("name"));
  co_return Response::no_content();
}

awaitable<Response> Plugins::disable(Exchange& exchange) {
  co_await service_.disable_plugin(exchange.request().parameter("name"));
  co_return Response::no_content();
}

awaitable<Response> Plugins::reload(Exchange& exchange) {
  std::string name = exchange.request().parameter("name");
  co_await service_.reload_plugin(std::move(name));
  co_return Response::no_content();
}

}  // namespace gantry::api
