#include "api/build.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "api/build_loans.hpp"
#include "api/product.hpp"
#include "api/progress_stream.hpp"

namespace gantry::api {

void Build::add_routes(Router& router) {
  router.add("POST", "/build", [this](Exchange& exchange) { return post_build(exchange); });
  router.add(
      "POST", "/build/prune", [this](Exchange& exchange) { return post_prune(exchange); }, Version{1, 31});
  router.add("POST", "/build/sessions", [this](Exchange& exchange) { return post_session(exchange); });
  router.add("POST", "/build/directories", [this](Exchange& exchange) { return post_directory(exchange); });
  router.add("POST", "/build/sessions/{id}/agents/{agent}",
             [this](Exchange& exchange) { return post_agent(exchange); });
  router.add("POST", "/commit", [this](Exchange& exchange) { return post_commit(exchange); });
}

awaitable<Response> Build::post_build(Exchange& exchange) {
  build::BuildRequest request = build_request(exchange);
  if (const std::string session = exchange.request().get("loans"); !session.empty()) {
    request.loan = service_.loans().take(session);
  }
  if (const std::string directory = exchange.request().get("directory"); !directory.empty()) {
    request.directory = service_.directories().take(directory);
  }
  const images::UploadSource body = [&exchange](std::span<std::byte> buffer) { return exchange.read_body(buffer); };
  // The whole context comes before the first step: from then on a client that goes away ends the build.
  const auto context = std::make_shared<UniqueFd>(co_await service_.receive(body));
  request.backlog = std::make_shared<build::Backlog>(co_await asio::this_coro::executor);
  const ProgressStream::Work work = [this, &request, context](images::Report report,
                                                              images::Cancel cancel) -> awaitable<void> {
    co_await service_.build(request, std::move(*context), std::move(report), std::move(cancel));
  };
  ProgressStream stream{exchange, request.backlog};
  co_return co_await stream.run(work, true);
}

awaitable<Response> Build::post_session(Exchange& exchange) {
  constexpr std::size_t kLargest = std::size_t{16} << 20;
  const nlohmann::json body = co_await exchange.body_json(kLargest);
  const nlohmann::json answer{{"Id", service_.loans().put(loan_of(body))}};
  co_return Response::json(answer, 201);
}

awaitable<Response> Build::post_directory(Exchange& exchange) {
  const nlohmann::json body = co_await exchange.body_json();
  const auto peer = exchange.peer();
  if (!body.is_object()) throw Error{Errc::invalid, "a directory was expected"};
  if (!peer) throw Error{Errc::conflict, "the client may be on another host"};
  build::DirectoryClaim claim;
  claim.path = body.value("Path", "");
  claim.device = body.value("Device", std::uint64_t{});
  claim.inode = body.value("Inode", std::uint64_t{});
  claim.changed = body.value("Changed", std::int64_t{});
  claim.boot = body.value("Boot", "");
  build::Peer process{peer->pid, {peer->uid, peer->gid, {peer->groups.begin(), peer->groups.end()}}};
  const std::string id = co_await service_.claim(std::move(claim), std::move(process));
  co_return Response::json({{"Id", id}}, 201);
}

awaitable<Response> Build::post_agent(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  const std::string agent = exchange.request().parameter("agent");
  service_.loans().connect(id, agent, nullptr);  // Refused before the connection is given away.
  const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
  const auto line = std::make_shared<ClientAgent>(client);
  service_.loans().connect(id, agent, line);
  co_await line->ended();
  co_return Response::done();
}

namespace {

/// Errors: invalid, in dockerd's words.
std::int64_t bytes_parameter(const Request& request, const std::string& name) {
  const std::string text = request.get(name);
  if (text.empty()) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  throw Error{Errc::invalid, name + " is in bytes and expects an integer, got " + text + ": strconv.Atoi: parsing \"" +
                                 text + "\": invalid syntax"};
}

/// "all" makes no difference: what it names beside the rest is BuildKit's own.
build::CacheRule prune_rule(const Request& request) {
  build::CacheRule rule;
  rule.filters = request.filters();
  rule.limits.reserved = bytes_parameter(request, "keep-storage");
  if (!request.get("reserved-space").empty()) rule.limits.reserved = bytes_parameter(request, "reserved-space");
  rule.limits.max_used = bytes_parameter(request, "max-used-space");
  rule.limits.min_free = bytes_parameter(request, "min-free-space");
  return rule;
}

}  // namespace

awaitable<Response> Build::post_prune(Exchange& exchange) {
  build::CacheRule rule = prune_rule(exchange.request());
  build::Pruned pruned;
  try {
    pruned = co_await service_.prune(std::move(rule));
  } catch (const Error& error) {
    throw Error{error.code(), std::string{"failed to prune build cache: "} + error.what()};
  }
  const nlohmann::json out{{"CachesDeleted", pruned.ids.empty() ? nlohmann::json(nullptr) : nlohmann::json(pruned.ids)},
                           {"SpaceReclaimed", pruned.space}};
  co_return Response::json(out);
}

awaitable<Response> Build::post_commit(Exchange& exchange) {
  const Request& request = exchange.request();
  build::CommitRequest wanted;
  wanted.container = request.get("container");
  wanted.repository = request.get("repo");
  wanted.tag = request.get("tag");
  wanted.comment = request.get("comment");
  wanted.author = request.get("author");
  wanted.engine = product_version();
  wanted.pause = request.flag("pause", true);
  wanted.changes = request.all("changes");
  const nlohmann::json body = co_await exchange.body_json();
  if (body.is_object()) wanted.config = body.get<wire::ContainerConfig>();
  const std::string id = co_await service_.commit(wanted);
  co_return Response::json({{"Id", id}}, 201);
}

}  // namespace gantry::api
