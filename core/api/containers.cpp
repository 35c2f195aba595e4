#include "api/containers.hpp"

#include <nlohmann/json.hpp>

#include "api/as_of.hpp"
#include "api/terminal_size.hpp"

namespace gantry::api {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr const char* kOldAddress =
    "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.";

// In the order in which it was built, and whatever bytes the user's texts have.
std::string text_of(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

Response json_text(std::string text, unsigned status = 200) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(text);
  return response;
}

Response ordered(const Json& body, unsigned status = 200) { return json_text(text_of(body) + "\n", status); }

// Whether a body has any member beside those of the host and the networks.
bool names_config(const nlohmann::json& body) {
  return body.size() > body.count("HostConfig") + body.count("NetworkingConfig");
}

// What older clients mean by what they leave out, or did not know of.
void read_mounts_as_of(Version version, std::vector<wire::MountRequest>& mounts) {
  for (wire::MountRequest& mount : mounts) {
    if (mount.type != "bind" || !mount.bind) continue;
    if (version < Version{1, 42}) mount.bind->create_mountpoint = false;
    if (version >= Version{1, 44}) continue;
    if (mount.read_only) mount.bind->read_only_non_recursive = true;  // all that there was
    if (mount.bind->read_only_force_recursive) {
      throw Error{Errc::invalid, "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer"};
    }
  }
}

void check_endpoints_as_of(Version version, const std::map<std::string, wire::EndpointSettings>& endpoints) {
  if (version >= Version{1, 44} || endpoints.size() < 2) return;
  std::string names;
  for (const auto& [name, endpoint] : endpoints) names += (names.empty() ? "" : ", ") + name;
  throw Error{Errc::invalid, "Container cannot be created with multiple network endpoints: " + names};
}

void read_as_of(Version version, wire::ContainerConfig& config, wire::HostConfig& host) {
  if (version < Version{1, 40} && host.ipc_mode.empty()) host.ipc_mode = "shareable";
  if (version < Version{1, 42}) host.console_size.clear();
  if (version < Version{1, 43}) host.annotations.clear();
  if (version < Version{1, 44} && config.healthcheck) config.healthcheck->start_interval = 0;
  if (version >= Version{1, 52}) host.resources.kernel_memory_tcp = 0;
  read_mounts_as_of(version, host.mounts);
}

}  // namespace

void Containers::add_routes(Router& router) {
  const auto add = [&](const char* method, const char* pattern, awaitable<Response> (Containers::*handler)(Exchange&)) {
    router.add(method, pattern, [this, handler](Exchange& exchange) { return (this->*handler)(exchange); });
  };
  add("GET", "/containers/json", &Containers::get_list);
  add("POST", "/containers/create", &Containers::post_create);
  add("POST", "/containers/prune", &Containers::post_prune);
  add("GET", "/containers/{id:*}/json", &Containers::get_details);
  add("GET", "/containers/{id:*}/top", &Containers::get_top);
  add("GET", "/containers/{id:*}/changes", &Containers::get_changes);
  add("GET", "/containers/{id:*}/export", &Containers::get_export);
  add("HEAD", "/containers/{id:*}/archive", &Containers::head_archive);
  add("GET", "/containers/{id:*}/archive", &Containers::get_archive);
  add("PUT", "/containers/{id:*}/archive", &Containers::put_archive);
  add("GET", "/containers/{id:*}/logs", &Containers::get_logs);
  add("DELETE", "/containers/{id:*}/logs", &Containers::delete_logs);
  add("GET", "/containers/{id:*}/attach/ws", &Containers::get_attach_websocket);
  add("GET", "/containers/{id:*}/stats", &Containers::get_stats);
  add("POST", "/containers/{id:*}/start", &Containers::post_start);
  add("POST", "/containers/{id:*}/stop", &Containers::post_stop);
  add("POST", "/containers/{id:*}/restart", &Containers::post_restart);
  add("POST", "/containers/{id:*}/kill", &Containers::post_kill);
  add("POST", "/containers/{id:*}/pause", &Containers::post_pause);
  add("POST", "/containers/{id:*}/unpause", &Containers::post_unpause);
  add("POST", "/containers/{id:*}/wait", &Containers::post_wait);
  add("POST", "/containers/{id:*}/attach", &Containers::post_attach);
  add("POST", "/containers/{id:*}/resize", &Containers::post_resize);
  add("POST", "/containers/{id:*}/rename", &Containers::post_rename);
  add("POST", "/containers/{id:*}/update", &Containers::post_update);
  add("POST", "/containers/{id:*}/ports", &Containers::post_ports);
  add("POST", "/containers/{id:*}/mounts", &Containers::post_mounts);
  add("DELETE", "/containers/{id:*}", &Containers::remove);
  add("GET", "/gantry/trace/{id}", &Containers::get_trace);
}

NetworkPeers Containers::network_peers() {
  NetworkPeers peers;
  peers.connect = [this](std::string container, std::string network, wire::EndpointSettings settings) {
    return service_.connect(std::move(container), std::move(network), std::move(settings));
  };
  peers.disconnect = [this](std::string container, std::string network, bool force) {
    return service_.disconnect(std::move(container), std::move(network), force);
  };
  return peers;
}

awaitable<std::optional<Sizes>> Containers::sizes(std::shared_ptr<const containers::Container> container) {
  Sizes sizes;
  try {
    sizes.writable = static_cast<std::int64_t>((co_await service_.usage(container->id)).size);
    sizes.root = sizes.writable;
  } catch (const Error&) {
    sizes.writable = -1;  // as dockerd has it for "not known": one container does not keep the others from being listed
  }
  try {
    sizes.root += static_cast<std::int64_t>(images_.get(container->image_id)->size);
  } catch (const Error&) {
    // The image was removed by force: its layers are still there, its record is not.
  }
  co_return sizes;
}

awaitable<Response> Containers::get_list(Exchange& exchange) {
  const Request& request = exchange.request();
  containers::Filter filter;
  filter.all = request.flag("all");
  filter.limit = static_cast<int>(std::clamp<std::int64_t>(request.number("limit", "Atoi").value_or(0), 0, 1'000'000));
  filter.terms = request.filters();
  const bool with_sizes = request.flag("size");
  const LinkNames link_names = service_.link_names();
  // A long list is sent in pieces, so that the client reads the first while the next are written.
  bool begun = false;
  std::string text = "[";
  for (const auto& container : service_.list(filter)) {
    std::optional<Sizes> its_sizes;
    if (with_sizes) its_sizes = co_await sizes(container);
    Json summary = container_summary(service_, images_, *container, link_names, its_sizes);
    show_summary_as_of(request.version, summary);
    if (begun || text.size() > 1) text += ',';
    text += text_of(summary);
    // Sizes can fail: until the last is there, the answer may become an error.
    if (with_sizes || text.size() < kPiece) continue;
    if (!begun) co_await exchange.start(200, "application/json");
    begun = true;
    co_await exchange.write(text);
    text.clear();
  }
  text += "]\n";
  if (!begun) co_return json_text(std::move(text));
  co_await exchange.write(text);
  co_return Response::done();
}

awaitable<Response> Containers::get_details(Exchange& exchange) {
  const auto container = service_.find(exchange.request().parameter("id"));
  std::optional<Sizes> its_sizes;
  if (exchange.request().flag("size")) its_sizes = co_await sizes(container);
  const auto places = co_await service_.places(container->id);
  Json details = container_details(service_, *container, its_sizes);
  if (!places.empty()) details["GraphDriver"]["Data"] = places;
  show_container_as_of(exchange.request().version, details, container->id);
  co_return ordered(details);
}

awaitable<Response> Containers::post_create(Exchange& exchange) {
  containers::CreateRequest request;
  const auto body = co_await exchange.body_json();
  if (body.is_null()) throw Error{Errc::invalid, "invalid JSON: got EOF while reading request body"};
  wire::from_json(body, request.body);
  if (!names_config(body)) throw Error{Errc::invalid, "config cannot be empty in order to create a container"};
  read_as_of(exchange.request().version, request.body.config, request.body.host_config);
  check_endpoints_as_of(exchange.request().version, request.body.endpoints);
  // An endpoint's settings have it.
  const Version version = exchange.request().version;
  if (version >= Version{1, 52}) request.body.config.mac_address.clear();
  const bool old_address = version >= Version{1, 44} && !request.body.config.mac_address.empty();
  request.binds_readonly_at_top = version < Version{1, 44};
  request.name = exchange.request().get("name");
  request.platform = exchange.request().get("platform");
  auto created = co_await service_.create(std::move(request));
  if (old_address) created.warnings.emplace_back(kOldAddress);
  co_return ordered({{"Id", created.id}, {"Warnings", Json(created.warnings)}}, 201);
}

awaitable<Response> Containers::post_update(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  auto body = co_await exchange.body_json();
  if (body.is_null()) body = nlohmann::json::object();
  containers::UpdateRequest request;
  wire::from_json(body, request.resources);
  if (const auto policy = body.find("RestartPolicy"); policy != body.end() && !policy->is_null()) {
    wire::from_json(*policy, request.restart_policy.emplace());
  }
  const auto warnings = co_await service_.update(id, std::move(request));
  co_return ordered({{"Warnings", warnings.empty() ? Json(nullptr) : Json(warnings)}});
}

awaitable<Response> Containers::post_rename(Exchange& exchange) {
  const std::string id = exchange.request().parameter("id");
  co_await service_.rename(id, exchange.request().get("name"));
  co_return Response::no_content();
}

awaitable<Response> Containers::post_resize(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto rows = terminal_size(request, "h");
  const auto columns = terminal_size(request, "w");
  co_await service_.resize(request.parameter("id"), rows, columns);
  Response response;
  response.status = 200;
  co_return response;
}

awaitable<Response> Containers::post_prune(Exchange& exchange) {
  containers::Filter filter;
  filter.terms = exchange.request().filters();
  const auto pruned = co_await service_.prune(std::move(filter));
  co_return ordered(
      {{"ContainersDeleted", pruned.ids.empty() ? Json(nullptr) : Json(pruned.ids)}, {"SpaceReclaimed", pruned.space}});
}

awaitable<Response> Containers::remove(Exchange& exchange) {
  const Request& request = exchange.request();
  if (request.flag("link")) {
    co_await service_.remove_link(request.parameter("id"));
    co_return Response::no_content();
  }
  containers::RemoveRequest removal;
  removal.force = request.flag("force");
  removal.volumes = request.flag("v");
  co_await service_.remove(request.parameter("id"), removal);
  co_return Response::no_content();
}

awaitable<Response> Containers::get_top(Exchange& exchange) {
  const auto table = co_await service_.top(exchange.request().parameter("id"), exchange.request().get("ps_args"));
  co_return ordered({{"Processes", Json(table.rows)}, {"Titles", Json(table.titles)}});
}

awaitable<Response> Containers::get_changes(Exchange& exchange) {
  const auto changes = co_await service_.changes(exchange.request().parameter("id"));
  Json list = Json::array();
  for (const auto& change : changes) list.push_back({{"Path", change.path}, {"Kind", static_cast<int>(change.kind)}});
  co_return ordered(changes.empty() ? Json(nullptr) : list);
}

awaitable<Response> Containers::get_trace(Exchange& exchange) {
  const auto container = service_.find(exchange.request().parameter("id"));
  const auto* trace = service_.trace(container->id);
  Json list = Json::array();
  if (trace != nullptr) {
    auto before = std::chrono::steady_clock::time_point{};
    for (const auto& step : trace->steps()) {
      const auto took = before == std::chrono::steady_clock::time_point{} || std::string_view(step.name) == "begin"
                            ? std::chrono::steady_clock::duration{}
                            : step.at - before;
      before = step.at;
      list.push_back({{"Operation", step.operation},
                      {"Step", step.name},
                      {"Microseconds", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
    }
  }
  co_return ordered(list);
}

}  // namespace gantry::api
