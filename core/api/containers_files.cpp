#include <nlohmann/json.hpp>

#include "api/containers.hpp"
#include "base/time.hpp"
#include "gantry/base64.hpp"

/// Files into and out of containers: export and archive.
namespace gantry::api {

namespace {

constexpr const char* kStatHeader = "X-Docker-Container-Path-Stat";

std::string stat_header(const containers::PathStat& stat) {
  const nlohmann::ordered_json out{{"name", stat.name},
                                   {"size", stat.size},
                                   {"mode", stat.mode},
                                   {"mtime", format_rfc3339(stat.modified)},
                                   {"linkTarget", stat.link_target}};
  return base64_encode(out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string path_of(const Request& request) {
  std::string path = request.get("path");
  if (path.empty()) throw Error{Errc::invalid, "bad parameter: pathcannot be empty"};
  return path;
}

}  // namespace

awaitable<Response> Containers::get_export(Exchange& exchange) {
  // Not before the first piece: a tree that cannot be opened is an error of the request, not half an answer.
  bool started = false;
  const images::DownloadSink sink = [&exchange, &started](std::string_view piece) -> awaitable<void> {
    if (!std::exchange(started, true)) co_await exchange.start(200, "application/octet-stream");
    co_await exchange.write(piece);
  };
  co_await service_.export_files(exchange.request().parameter("id"), sink);
  co_return Response::done();
}

awaitable<Response> Containers::head_archive(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto stat = co_await service_.stat_path(request.parameter("id"), path_of(request));
  Response response;
  response.headers.emplace_back(kStatHeader, stat_header(stat));
  co_return response;
}

awaitable<Response> Containers::get_archive(Exchange& exchange) {
  const Request& request = exchange.request();
  const containers::Service::PathFound found = [&exchange](const containers::PathStat& stat) -> awaitable<void> {
    Headers headers{{kStatHeader, stat_header(stat)}};
    co_await exchange.start(200, "application/x-tar", std::move(headers));
  };
  const images::DownloadSink sink = [&exchange](std::string_view piece) -> awaitable<void> {
    co_await exchange.write(piece);
  };
  co_await service_.read_path(request.parameter("id"), path_of(request), found, sink);
  co_return Response::done();
}

awaitable<Response> Containers::put_archive(Exchange& exchange) {
  const Request& request = exchange.request();
  containers::ExtractRequest wanted;
  wanted.keep_kind = request.flag("noOverwriteDirNonDir");
  wanted.as_user = request.flag("copyUIDGID");
  const images::UploadSource source = [&exchange](std::span<std::byte> buffer) { return exchange.read_body(buffer); };
  co_await service_.write_path(request.parameter("id"), path_of(request), wanted, source);
  Response response;
  co_return response;
}

}  // namespace gantry::api
