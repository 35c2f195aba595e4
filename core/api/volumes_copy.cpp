#include <nlohmann/json.hpp>
#include <utility>

#include "api/volumes.hpp"
#include "containers/volume_archive.hpp"
#include "wire/volume.hpp"

/// What docs/extensions.md adds to the Volume section: copies, other names, data as tar.
namespace gantry::api {

namespace {

/// A parameter that is a JSON object of texts. Errors: invalid.
std::map<std::string, std::string> text_map(const Request& request, const char* name) {
  const std::string text = request.get(name);
  if (text.empty()) return {};
  try {
    return nlohmann::json::parse(text).get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw Error{Errc::invalid, std::string("invalid ") + name + ": an object of texts was expected"};
  }
}

}  // namespace

void Volumes::add_copy_routes(Router& router) {
  router.add("POST", "/volumes/import", [this](Exchange& exchange) { return post_import(exchange); });
  router.add("POST", "/volumes/{name}/clone", [this](Exchange& exchange) { return post_clone(exchange); });
  router.add("POST", "/volumes/{name}/rename", [this](Exchange& exchange) { return post_rename(exchange); });
  router.add("GET", "/volumes/{name}/export", [this](Exchange& exchange) { return get_export(exchange); });
}

awaitable<Response> Volumes::post_clone(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  wire::VolumeCloneRequest asked;
  if (!body.is_null()) asked = body.get<wire::VolumeCloneRequest>();
  volumes::CloneRequest request{std::move(asked.name), std::move(asked.labels), asked.snapshot, asked.force};
  const auto made = co_await service_.clone(exchange.request().parameter("name"), std::move(request));
  co_return Response::json(wire_volume(service_, *made), 201);
}

awaitable<Response> Volumes::post_rename(Exchange& exchange) {
  const Request& request = exchange.request();
  co_await service_.rename(request.parameter("name"), request.get("name"));
  co_return Response::no_content();
}

awaitable<Response> Volumes::get_export(Exchange& exchange) {
  // Not before the first piece: a volume that cannot be mounted is an error of the request, not half an answer.
  bool started = false;
  const images::DownloadSink sink = [&exchange, &started](std::string_view piece) -> awaitable<void> {
    if (!std::exchange(started, true)) co_await exchange.start(200, "application/x-tar");
    co_await exchange.write(piece);
  };
  const volumes::Service::Use use = [this, &sink](const Mount& mount) -> awaitable<void> {
    co_await containers::write_volume(workers_, mount, sink);
  };
  co_await service_.read(exchange.request().parameter("name"), use);
  co_return Response::done();
}

awaitable<Response> Volumes::post_import(Exchange& exchange) {
  const Request& request = exchange.request();
  volumes::Volume volume;
  volume.name = request.get("name");
  volume.driver = request.get("driver").empty() ? "local" : request.get("driver");
  volume.options = text_map(request, "driverOpts");
  volume.options_given = !volume.options.empty();
  volume.labels = text_map(request, "labels");
  volume.created = now();
  const images::UploadSource source = [&exchange](std::span<std::byte> buffer) { return exchange.read_body(buffer); };
  const volumes::Service::Use fill = [this, &source](const Mount& mount) -> awaitable<void> {
    co_await containers::read_volume(workers_, mount, source);
  };
  const auto made = co_await service_.make_filled(std::move(volume), fill);
  co_return Response::json(wire_volume(service_, *made), 201);
}

}  // namespace gantry::api
