#include <map>
#include <nlohmann/json.hpp>

#include "api/build.hpp"
#include "api/registry_auth.hpp"
#include "images/reference.hpp"

namespace gantry::api {
namespace {

/// A parameter that holds JSON; null if it is not given. Errors: invalid.
nlohmann::json json_parameter(const Request& request, std::string_view name) {
  const std::string text = request.get(name);
  if (text.empty()) return nullptr;
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded()) throw Error{Errc::invalid, "error reading build " + std::string{name} + ": invalid JSON"};
  return value;
}

void take_arguments(const Request& request, build::BuildRequest& out) {
  // Named: a range-for keeps only the outermost temporary alive.
  const nlohmann::json arguments = json_parameter(request, "buildargs");
  for (const auto& [name, value] : arguments.items()) {
    if (value.is_string()) {
      out.wanted.arguments.emplace_back(name, value.get<std::string>());
    } else {
      out.wanted.arguments.emplace_back(name, std::nullopt);
    }
  }
  const nlohmann::json labels = json_parameter(request, "labels");
  for (const auto& [name, value] : labels.items()) {
    if (value.is_string()) out.wanted.labels[name] = value.get<std::string>();
  }
  for (const auto& image : json_parameter(request, "cachefrom")) {
    if (image.is_string()) out.cache_from.push_back(image.get<std::string>());
  }
}

void take_limits(const Request& request, wire::HostConfig& host) {
  wire::Resources& limits = host.resources;
  limits.memory = request.number("memory").value_or(0);
  limits.memory_swap = request.number("memswap").value_or(0);
  limits.cpu_shares = request.number("cpushares").value_or(0);
  limits.cpu_period = request.number("cpuperiod").value_or(0);
  limits.cpu_quota = request.number("cpuquota").value_or(0);
  limits.cpuset_cpus = request.get("cpusetcpus");
  limits.cpuset_mems = request.get("cpusetmems");
  limits.cgroup_parent = request.get("cgroupparent");
  for (const auto& limit : json_parameter(request, "ulimits")) {
    if (!limit.is_object()) continue;
    limits.ulimits.push_back(
        {limit.value("Name", ""), limit.value("Hard", std::int64_t{}), limit.value("Soft", std::int64_t{})});
  }
  host.shm_size = request.number("shmsize").value_or(0);
  host.network_mode = request.get("networkmode");
  host.extra_hosts = request.all("extrahosts");
  host.security_opt = request.all("securityopt");
  host.isolation = request.get("isolation");
}

void take_attest(const Request& request, build::Attest& out) {
  using Provenance = build::Attest::Provenance;
  const std::string mode = request.get("provenance");
  if (!mode.empty() && mode != "min" && mode != "max") throw Error{Errc::invalid, "invalid mode \"" + mode + "\""};
  if (!mode.empty()) out.provenance = mode == "max" ? Provenance::max : Provenance::min;
  out.packages = request.flag("sbom");
  out.reproducible = request.flag("reproducible");
  out.builder = request.get("builderid");
  out.subjects = request.all("subject");
  // Before all the work.
  for (const std::string& subject : out.subjects) static_cast<void>(images::parse_reference(subject));
}

void take_annotations(const Request& request, build::BuildRequest& out) {
  using Place = build::Annotation::Place;
  static const std::map<std::string, Place, std::less<>> places{{"manifest", Place::manifest},
                                                                {"manifest-descriptor", Place::manifest_descriptor},
                                                                {"index", Place::index},
                                                                {"index-descriptor", Place::index_descriptor}};
  for (const nlohmann::json& item : json_parameter(request, "annotations")) {
    const auto text = [&](const char* member) {
      const auto found = item.is_object() ? item.find(member) : item.end();
      return found != item.end() && found->is_string() ? found->get<std::string>() : std::string{};
    };
    const auto place = places.find(text("type"));
    if (place == places.end()) throw Error{Errc::invalid, "unknown annotation type \"" + text("type") + "\""};
    build::Annotation annotation{place->second, text("platform"), text("name"), text("value")};
    if (annotation.name.empty()) throw Error{Errc::invalid, "invalid annotation: it has no name"};
    out.annotations.push_back(std::move(annotation));
  }
}

/// How the layers are to lie. Errors: invalid.
std::optional<images::LayerForm> layer_form(const Request& request) {
  static const std::map<std::string, images::Compression, std::less<>> kinds{
      {"gzip", images::Compression::gzip},
      {"zstd", images::Compression::zstd},
      {"uncompressed", images::Compression::none}};
  const std::string text = request.get("compression");
  if (text.empty()) return {};
  const auto kind = kinds.find(text);
  if (kind == kinds.end()) {
    throw Error{Errc::invalid, "unknown compression \"" + text + "\": use gzip, zstd or uncompressed"};
  }
  images::LayerForm out;
  out.compression = kind->second;
  out.every = request.flag("force-compression");
  const auto level = request.number("compression-level");
  const bool zstd = out.compression == images::Compression::zstd;
  if (level && (*level < (zstd ? 1 : 0) || *level > (zstd ? 22 : 9))) {
    throw Error{Errc::invalid, "invalid compression-level " + std::to_string(*level) + " of " + text + ": use " +
                                   (zstd ? "1 to 22" : "0 to 9")};
  }
  if (level) out.level = static_cast<int>(*level);
  return out;
}

/// What only gantry's own clients ask for (docs/extensions.md).
void take_extensions(const Request& request, build::BuildRequest& out) {
  builder::v1::Request& wanted = out.wanted;
  if (const std::string progress = request.get("progress"); !progress.empty()) {
    if (progress != "steps" && progress != "problems") {
      throw Error{Errc::invalid, "invalid progress \"" + progress + "\": use steps or problems"};
    }
    out.shown = progress == "steps" ? build::Shown::steps : build::Shown::problems;
  }
  wanted.no_cache_stages = request.all("nocachestage");
  const nlohmann::json contexts = json_parameter(request, "contexts");
  for (const auto& [name, place] : contexts.items()) {
    if (place.is_string()) wanted.contexts[name] = place.get<std::string>();
  }
  for (const std::string& entitlement : request.all("allow")) {
    if (entitlement == "security.insecure") {
      wanted.insecure = true;
    } else if (entitlement == "network.host") {
      out.host_network = true;
    } else if (entitlement == "device") {
      out.all_devices = true;
    } else if (entitlement.starts_with("device=")) {
      out.devices.insert(entitlement.substr(entitlement.find('=') + 1));
    } else {
      throw Error{Errc::invalid, "invalid entitlement \"" + entitlement + "\""};
    }
  }
  wanted.check_only = request.get("check") == "1";
  out.tell_stages = request.flag("stages");
  take_attest(request, out.attest);
  out.form = layer_form(request);
  if (out.attest.any() && out.form && out.form->compression == images::Compression::none) {
    throw Error{Errc::invalid, "what is said about an image is about compressed layers: use compression gzip or zstd"};
  }
  take_annotations(request, out);
}

void check_supported(const Request& request) {
  if (request.get("version") == "2") {
    throw Error{Errc::unsupported,
                "this daemon has no BuildKit: set DOCKER_BUILDKIT=0, so that the client builds with the classic "
                "builder, or build with \"gantry build\""};
  }
  if (request.flag("squash")) throw Error{Errc::invalid, "squash is only supported with experimental mode"};
  if (!request.get("outputs").empty() && request.get("outputs") != "null" && request.get("outputs") != "[]") {
    throw Error{Errc::unsupported, "outputs other than an image of this daemon are not supported"};
  }
}

}  // namespace

build::BuildRequest build_request(const Exchange& exchange) {
  const Request& request = exchange.request();
  check_supported(request);
  build::BuildRequest out;
  builder::v1::Request& wanted = out.wanted;
  wanted.recipe = request.get("dockerfile");
  wanted.remote = request.get("remote");
  // What older clients call a context that comes with the request.
  if (wanted.remote == "client-session") wanted.remote.clear();
  wanted.target = request.get("target");
  wanted.platform = request.get("platform");
  wanted.no_cache = request.flag("nocache");
  wanted.pull = request.flag("pull");
  wanted.force_remove = request.flag("forcerm");
  wanted.remove = wanted.force_remove || request.get("rm").empty() || request.flag("rm");
  take_arguments(request, out);
  take_limits(request, out.host_config);
  out.quiet = request.flag("q");
  take_extensions(request, out);
  for (const std::string& name : request.all("t")) {
    if (!name.empty()) out.names.push_back(name);
  }
  out.credentials = all_registry_credentials(exchange);
  return out;
}

}  // namespace gantry::api
