#include "api/volumes.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "volumes/filter.hpp"
#include "wire/volume.hpp"

namespace gantry::api {
namespace {

constexpr Version kPrunesAnonymousOnly{1, 42};

// dockerd says here what it was about.
std::map<std::string, std::vector<std::string>> filters_of(const Request& request) {
  try {
    return request.filters();
  } catch (const Error& error) {
    throw Error{error.code(), std::string{"error reading volume filters: "} + error.what()};
  }
}

}  // namespace

wire::Volume wire_volume(const volumes::Service& service, const volumes::Volume& volume) {
  wire::Volume out;
  out.name = volume.name;
  out.driver = volume.driver;
  out.mountpoint = volume.mountpoint;
  constexpr Nanoseconds kSecond = 1'000'000'000;
  out.created_at = format_rfc3339(volume.created / kSecond * kSecond);
  out.scope = service.scope(volume);
  out.labels = volume.labels;
  if (volume.options_given || !volume.options.empty())
    out.options.emplace(volume.options.begin(), volume.options.end());
  return out;
}

void Volumes::add_routes(Router& router) {
  router.add("GET", "/volumes", [this](Exchange& exchange) { return list(exchange); });
  router.add("POST", "/volumes/create", [this](Exchange& exchange) { return create(exchange); });
  router.add(
      "POST", "/volumes/prune", [this](Exchange& exchange) { return prune(exchange); }, Version{1, 25});
  router.add("GET", "/volumes/{name}", [this](Exchange& exchange) { return inspect(exchange); });
  router.add("PUT", "/volumes/{name}", [](Exchange& exchange) { return update(exchange); });
  add_copy_routes(router);
  router.add("DELETE", "/volumes/{name}", [this](Exchange& exchange) { return remove(exchange); });
}

awaitable<Response> Volumes::list(Exchange& exchange) {
  const auto wanted = volumes::list_filter(filters_of(exchange.request()), [this](const volumes::Volume& volume) {
    return !service_.users(volume.name).empty();
  });
  wire::VolumeList found;
  for (const auto& volume : service_.list()) {
    if (wanted(*volume)) found.volumes.push_back(wire_volume(service_, *volume));
  }
  co_return Response::json(found);
}

awaitable<Response> Volumes::create(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  wire::VolumeCreateRequest request;
  if (!body.is_null()) request = body.get<wire::VolumeCreateRequest>();
  if (request.name.empty()) request.labels[volumes::kAnonymousLabel] = "";
  const auto found = co_await service_.get_or_create(request.name, request.driver, request.options, request.labels, "");
  co_return Response::json(wire_volume(service_, *found.volume), 201);
}

awaitable<Response> Volumes::inspect(Exchange& exchange) {
  const auto volume = service_.get(exchange.request().parameter("name"));
  wire::Volume out = wire_volume(service_, *volume);
  out.status = co_await service_.status(volume);
  if (volume->read_only) out.status["ReadOnly"] = "true";
  co_return Response::json(out);
}

awaitable<Response> Volumes::update(Exchange&) {
  throw Error{Errc::unavailable, "volume update only valid for cluster volumes, but swarm is unavailable"};
  co_return Response::done();
}

awaitable<Response> Volumes::remove(Exchange& exchange) {
  const Request& request = exchange.request();
  co_await service_.remove(request.parameter("name"), request.flag("force"));
  co_return Response::no_content();
}

awaitable<Response> Volumes::prune(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto wanted = volumes::prune_filter(request.filters(), request.version >= kPrunesAnonymousOnly);
  volumes::Pruned pruned = co_await service_.prune(wanted);
  const wire::VolumePruneReport report{std::move(pruned.names), pruned.reclaimed};
  co_return Response::json(report);
}

}  // namespace gantry::api
