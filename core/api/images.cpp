#include "api/images.hpp"

#include <nlohmann/json.hpp>

#include "api/as_of.hpp"
#include "api/lent_file.hpp"
#include "api/member_order.hpp"
#include "api/platform_query.hpp"
#include "api/progress_stream.hpp"
#include "api/registry_auth.hpp"
#include "images/image_config.hpp"

namespace gantry::api {
namespace {

constexpr Version kNoVirtualSize{1, 44};
constexpr Version kNoContainerConfig{1, 45};

/// The upload that is the request's body.
images::UploadSource body_of(Exchange& exchange) {
  return [&exchange](std::span<std::byte> buffer) { return exchange.read_body(buffer); };
}

images::PullRequest pull_request(const Exchange& exchange) {
  images::PullRequest out;
  out.image = exchange.request().get("fromImage");
  out.tag = exchange.request().get("tag");
  out.platform = exchange.request().get("platform");
  out.every = exchange.request().flag("every");
  out.credentials = registry_credentials(exchange);
  return out;
}

images::ImportRequest import_request(const Request& request) {
  images::ImportRequest out;
  out.source = request.get("fromSrc");
  out.repository = request.get("repo");
  out.tag = request.get("tag");
  out.message = request.get("message");
  out.platform = request.get("platform");
  out.changes = request.all("changes");
  return out;
}

/// 0, as clients send it, is none.
int search_limit(const Request& request) {
  std::int64_t limit = 0;
  try {
    limit = request.number("limit", "Atoi").value_or(0);
  } catch (const Error& error) {
    throw Error{Errc::invalid, std::string{"invalid limit specified: "} + error.what()};
  }
  if (limit == 0) return 25;
  if (limit < 1 || limit > 100) {
    throw Error{Errc::invalid, "limit " + std::to_string(limit) + " is outside the range of [1, 100]"};
  }
  return static_cast<int>(limit);
}

nlohmann::json summary_json(const wire::ImageSummary& summary, Version version) {
  nlohmann::json out = summary;
  if (version < kNoVirtualSize) out["VirtualSize"] = summary.size;
  return out;
}

// What older clients know as the config of the container that an image was committed from.
nlohmann::json empty_container_config() {
  nlohmann::json out = nlohmann::json::parse(images::config_object({}));
  out["Cmd"] = nullptr;
  return out;
}

}  // namespace

void Images::add_routes(Router& router) {
  router.add("GET", "/images/json", [this](Exchange& exchange) { return list(exchange); });
  router.add("GET", "/images/search", [this](Exchange& exchange) { return search(exchange); });
  router.add("GET", "/images/get", [this](Exchange& exchange) { return save(exchange); });
  router.add("POST", "/images/create", [this](Exchange& exchange) { return create(exchange); });
  router.add("POST", "/images/load", [this](Exchange& exchange) { return load(exchange); });
  router.add("POST", "/images/load/lent", [this](Exchange& exchange) { return load_lent(exchange); });
  router.add(
      "POST", "/images/prune", [this](Exchange& exchange) { return prune(exchange); }, Version{1, 25});
  router.add("GET", "/images/{name:*}/json", [this](Exchange& exchange) { return inspect(exchange); });
  router.add("GET", "/images/{name:*}/history", [this](Exchange& exchange) { return history(exchange); });
  router.add("GET", "/images/{name:*}/attestations", [this](Exchange& exchange) { return attestations(exchange); });
  router.add("GET", "/images/{name:*}/get", [this](Exchange& exchange) { return save(exchange); });
  router.add("POST", "/images/{name:*}/push", [this](Exchange& exchange) { return push(exchange); });
  router.add("POST", "/images/{name:*}/tag", [this](Exchange& exchange) { return tag(exchange); });
  router.add("DELETE", "/images/{name:*}", [this](Exchange& exchange) { return remove(exchange); });
  router.add("POST", "/auth", [this](Exchange& exchange) { return login(exchange); });
  router.add(
      "GET", "/distribution/{name:*}/json", [this](Exchange& exchange) { return distribution(exchange); },
      Version{1, 30});
}

awaitable<Response> Images::list(Exchange& exchange) {
  const Request& request = exchange.request();
  images::ListRequest wanted;
  wanted.all = request.flag("all");
  wanted.shared_size = request.flag("shared-size");
  wanted.count_containers = request.version >= Version{1, 51};
  wanted.manifests = request.version >= Version{1, 47} && request.flag("manifests");
  wanted.identity = request.version >= Version{1, 54} && request.flag("identity");
  wanted.filters = request.filters();
  // From before there were filters.
  if (const std::string filter = request.get("filter"); !filter.empty()) wanted.filters["reference"].push_back(filter);
  nlohmann::json out = nlohmann::json::array();
  for (const auto& summary : service_.list(wanted)) out.push_back(summary_json(summary, request.version));
  co_return Response::json(out);
}

awaitable<Response> Images::create(Exchange& exchange) {
  ProgressStream stream{exchange};
  if (!exchange.request().get("fromImage").empty()) {
    const images::PullRequest request = pull_request(exchange);
    const ProgressStream::Work work = [this, &request](images::Report report, images::Cancel cancel) {
      return service_.pull(request, std::move(report), std::move(cancel));
    };
    co_return co_await stream.run(work, true);
  }
  const images::ImportRequest request = import_request(exchange.request());
  if (request.source.empty()) throw Error{Errc::invalid, "Get \"http:\": http: no Host in request URL"};
  const ProgressStream::Work work = [this, &request, &exchange](images::Report report,
                                                                images::Cancel cancel) -> awaitable<void> {
    co_await service_.import(request, body_of(exchange), std::move(report), std::move(cancel));
  };
  // The end of a body that is sent tells that the client has gone.
  co_return co_await stream.run(work, request.source != "-");
}

awaitable<Response> Images::inspect(Exchange& exchange) {
  const Version version = exchange.request().version;
  images::InspectRequest wanted;
  wanted.manifests = version >= Version{1, 48} && exchange.request().flag("manifests");
  if (version >= Version{1, 49}) wanted.platform = platform(exchange.request());
  wanted.identity = version >= Version{1, 53};
  if (wanted.manifests && wanted.platform) {
    throw Error{Errc::invalid, "conflicting options: manifests and platform options cannot both be set"};
  }
  nlohmann::json out = service_.inspect(exchange.request().parameter("name"), wanted);
  if (exchange.request().version < kNoVirtualSize) {
    out["VirtualSize"] = out["Size"];
  }
  if (exchange.request().version < kNoContainerConfig) out["ContainerConfig"] = empty_container_config();
  show_image_as_of(exchange.request().version, out);
  co_return json_in_order(out, kImageOrder);
}

awaitable<Response> Images::history(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto wanted = request.version >= Version{1, 48} ? platform(request) : std::nullopt;
  const nlohmann::json out = service_.history(request.parameter("name"), wanted);
  co_return Response::json(out);
}

namespace {

/// As text: to take a statement apart only to put it together again would keep everybody else waiting.
std::string statement_json(const images::Statement& statement) {
  nlohmann::json descriptor{
      {"mediaType", statement.media_type}, {"digest", statement.digest}, {"size", statement.size}};
  if (!statement.annotations.empty()) descriptor["annotations"] = statement.annotations;
  const nlohmann::json short_form{{"Descriptor", std::move(descriptor)}, {"PredicateType", statement.predicate_type}};
  std::string out = short_form.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (!statement.json.empty()) out.replace(out.size() - 1, 1, ",\"Statement\":" + statement.json + "}");
  return out;
}

}  // namespace

awaitable<Response> Images::attestations(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string name = request.parameter("name");
  const auto platform = single_platform(request);
  const auto types = request.all("type");
  const auto statements = co_await service_.statements(name, types, request.flag("statement"), platform);
  Response response;
  response.content_type = "application/json";
  for (const auto& statement : statements) {
    response.body += (response.body.empty() ? "[" : ",") + statement_json(statement);
  }
  response.body += response.body.empty() ? "[]\n" : "]\n";
  co_return response;
}

awaitable<Response> Images::push(Exchange& exchange) {
  images::PushRequest request;
  request.image = exchange.request().parameter("name");
  request.tag = exchange.request().get("tag");
  request.destination = exchange.request().get("destination");
  request.plain = exchange.request().get("compression") == "uncompressed";
  request.beside = exchange.request().all("beside");
  // Clients had sent one before there was a meaning to it.
  if (exchange.request().version >= Version{1, 46}) request.platform = platform(exchange.request());
  request.credentials = registry_credentials(exchange);
  const ProgressStream::Work work = [this, &request](images::Report report, images::Cancel cancel) {
    return service_.push(request, std::move(report), std::move(cancel));
  };
  ProgressStream stream{exchange};
  co_return co_await stream.run(work, true);
}

awaitable<Response> Images::tag(Exchange& exchange) {
  const Request& request = exchange.request();
  Response response;
  const bool tagged = service_.tag(request.parameter("name"), request.get("repo"), request.get("tag"));
  response.status = tagged ? 201 : 200;
  co_return response;
}

awaitable<Response> Images::remove(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string name = request.parameter("name");
  const bool force = request.flag("force");
  const bool prune = !request.flag("noprune");
  std::vector<images::Platform> wanted;
  if (request.version >= Version{1, 50}) wanted = platforms(request, "platforms");
  std::vector<wire::ImageDeleteItem> gone;
  if (wanted.empty()) {
    gone = co_await service_.remove(name, force, prune);
  } else {
    gone = co_await service_.remove_platforms(name, wanted, force, prune);
  }
  const nlohmann::json out = gone;
  co_return Response::json(out);
}

awaitable<Response> Images::search(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string term = request.get("term");
  const int limit = search_limit(request);
  const auto credentials = registry_credentials(exchange);
  const nlohmann::json out = co_await service_.search(term, limit, request.filters(), credentials);
  co_return Response::json(out);
}

awaitable<Response> Images::prune(Exchange& exchange) {
  const auto filters = exchange.request().filters();
  const nlohmann::json out = co_await service_.prune(filters);
  co_return Response::json(out);
}

awaitable<Response> Images::save(Exchange& exchange) {
  const Request& request = exchange.request();
  std::vector<std::string> names = request.all("names");
  if (const auto name = request.parameters.find("name"); name != request.parameters.end()) names = {name->second};
  const auto wanted = archive_platform(request);
  bool started = false;
  const images::DownloadSink sink = [&exchange, &started](std::string_view piece) -> awaitable<void> {
    if (!std::exchange(started, true)) co_await exchange.start(200, "application/x-tar");
    co_await exchange.write(piece);
  };
  co_await service_.save(names, sink, nullptr, wanted);
  co_return Response::done();
}

awaitable<Response> Images::load(Exchange& exchange) {
  const bool quiet = exchange.request().flag("quiet", false);
  const auto wanted = archive_platform(exchange.request());
  const ProgressStream::Work work = [this, quiet, wanted, &exchange](images::Report report, images::Cancel cancel) {
    return service_.load(body_of(exchange), quiet, std::move(report), std::move(cancel), wanted);
  };
  ProgressStream stream{exchange};
  co_return co_await stream.run(work, false, ProgressStream::Failure::in_stream);
}

awaitable<Response> Images::load_lent(Exchange& exchange) {
  const bool quiet = exchange.request().flag("quiet", false);
  const auto wanted = archive_platform(exchange.request());
  const nlohmann::json claim = co_await exchange.body_json();
  const auto lender = exchange.peer();
  if (!lender) throw Error{Errc::conflict, "the client may be on another host"};
  const auto take = [&] { return std::make_shared<const UniqueFd>(take_lent_file(*lender, claim)); };
  const std::shared_ptr<const UniqueFd> file = co_await workers_.run(Pool::quick, take);
  const ProgressStream::Work work = [this, quiet, wanted, file](images::Report report, images::Cancel cancel) {
    return service_.load_file(file, quiet, std::move(report), std::move(cancel), wanted);
  };
  ProgressStream stream{exchange};
  co_return co_await stream.run(work, true, ProgressStream::Failure::in_stream);
}

awaitable<Response> Images::login(Exchange& exchange) {
  nlohmann::json body;
  std::string wrong;
  try {
    body = co_await exchange.body_json();
    if (body.is_null()) wrong = "EOF";
  } catch (const Error& error) {
    // dockerd tells of this body without the words that it has for others.
    constexpr std::string_view kPrefix = "invalid JSON: ";
    wrong = error.what();
    if (wrong.starts_with(kPrefix)) wrong.erase(0, kPrefix.size());
  }
  if (!wrong.empty()) throw Error{Errc::invalid, wrong};
  const wire::AuthConfig auth = body.get<wire::AuthConfig>();
  const std::string server = auth.server_address;
  const registry::v1::Credentials credentials = to_credentials(auth);
  std::string token;
  std::string refused;
  try {
    token = co_await service_.login(server, credentials);
  } catch (const Error& error) {
    if (error.code() != Errc::denied) throw;
    refused = error.what();
  }
  if (!refused.empty()) co_return Response::json({{"message", refused}}, 401);
  const nlohmann::json out{{"Status", "Login Succeeded"}, {"IdentityToken", token}};
  co_return Response::json(out);
}

awaitable<Response> Images::distribution(Exchange& exchange) {
  const std::string name = exchange.request().parameter("name");
  const auto credentials = registry_credentials(exchange);
  const nlohmann::json out = co_await service_.distribution(name, credentials);
  co_return Response::json(out);
}

}  // namespace gantry::api
