#include "build/provenance.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gantry/base64.hpp"
#include "gantry/error.hpp"
#include "gantry/proxy_arguments.hpp"
#include "images/attestation.hpp"
#include "images/reference.hpp"

namespace gantry::build {
namespace {

using nlohmann::ordered_json;

/// What a user may have written into an address is for nobody else.
std::string without_password(std::string address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string::npos) return address;
  const std::size_t host = scheme + 3;
  const std::size_t end = address.find_first_of("/?#", host);
  const std::size_t at = address.rfind('@', end == std::string::npos ? end : end - 1);
  if (at != std::string::npos && at >= host) address.erase(host, at + 1 - host);
  return address;
}

ordered_json digest_json(const builder::v1::Material& material) { return {{material.algorithm, material.digest}}; }

ordered_json materials_json(const Sources& sources) {
  ordered_json out = ordered_json::array();
  for (const auto& material : sources.materials) {
    out.push_back({{"uri", without_password(material.uri)}, {"digest", digest_json(material)}});
  }
  return out;
}

ordered_json config_source(const builder::v1::Request& wanted, const Sources& sources) {
  ordered_json out = ordered_json::object();
  const std::string remote = without_password(wanted.remote);
  for (const auto& material : sources.materials) {
    if (remote.empty() || without_password(material.uri) != remote) continue;
    out = {{"uri", remote}, {"digest", digest_json(material)}};
  }
  out["entryPoint"] = sources.recipe_name.empty() ? "Dockerfile" : sources.recipe_name;
  return out;
}

/// The parameters whose values may be anything.
ordered_json telling_arguments(const builder::v1::Request& wanted) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, value] : wanted.arguments) {
    if (value && !builder::is_proxy_argument(name)) out["build-arg:" + name] = *value;
  }
  for (const auto& [name, value] : wanted.labels) out["label:" + name] = value;
  return out;
}

ordered_json plain_arguments(const builder::v1::Request& wanted) {
  ordered_json out = ordered_json::object();
  for (const auto& [name, place] : wanted.contexts) {
    const bool local = place.starts_with("directory:");
    out["context:" + name] = local ? "local:" + name : without_password(place);
  }
  if (wanted.no_cache) out["no-cache"] = "";
  if (!wanted.target.empty()) out["target"] = wanted.target;
  return out;
}

bool is_local(const builder::v1::Request& wanted) { return wanted.remote.empty(); }

ordered_json names_of(const std::vector<std::string>& names) {
  ordered_json out = ordered_json::array();
  for (const std::string& name : names) out.push_back({{"id", name}, {"optional", true}});
  return out;
}

template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [name, value] : map) out.push_back(name);
  return out;
}

ordered_json parameters(const BuildRequest& request, bool whole) {
  const builder::v1::Request& wanted = request.wanted;
  ordered_json out{{"frontend", "dockerfile.v0"}};
  ordered_json arguments = whole ? telling_arguments(wanted) : ordered_json::object();
  arguments.update(plain_arguments(wanted));
  if (!arguments.empty()) out["args"] = std::move(arguments);
  if (whole && request.loan != nullptr) {
    if (!request.loan->secrets.empty()) out["secrets"] = names_of(keys(request.loan->secrets));
    if (!request.loan->agents.empty()) out["ssh"] = names_of(keys(request.loan->agents));
  }
  if (is_local(wanted)) out["locals"] = {{{"name", "context"}}, {{"name", "dockerfile"}}};
  return out;
}

/// Where the recipe has come from, as a definition of its own.
ordered_json recipe_definition(const builder::v1::Request& wanted) {
  const std::string identifier = is_local(wanted) ? "local://dockerfile" : without_password(wanted.remote);
  const ordered_json source{{"id", "step0"}, {"op", {{"Op", {{"source", {{"identifier", identifier}}}}}}}};
  const ordered_json end{{"id", "step1"}, {"op", {{"Op", nullptr}}}, {"inputs", ordered_json::array({"step0:0"})}};
  return ordered_json::array({source, end});
}

ordered_json metadata(const BuildRequest& request, const Sources& sources, const Invocation& invocation, bool whole,
                      const StepDefinition* definition) {
  const bool lent = request.loan != nullptr && !(request.loan->secrets.empty() && request.loan->agents.empty());
  const bool all_told = whole || (telling_arguments(request.wanted).empty() && !lent);
  ordered_json own = ordered_json::object();
  if (whole && !sources.recipe.empty()) {
    if (definition != nullptr) own["source"]["locations"] = definition->locations();
    own["source"]["infos"] = ordered_json::array({{{"filename", sources.recipe_name},
                                                   {"language", "Dockerfile"},
                                                   {"data", base64_encode(sources.recipe)},
                                                   {"llbDefinition", recipe_definition(request.wanted)}}});
  }
  if (definition != nullptr) own["layers"] = definition->layers(invocation.made);
  return {{"buildInvocationID", invocation.id},
          {"buildStartedOn", format_rfc3339(invocation.started)},
          {"buildFinishedOn", format_rfc3339(invocation.finished)},
          // Commands may have brought what they liked from the network.
          {"completeness", {{"parameters", all_told}, {"environment", true}, {"materials", false}}},
          {"reproducible", request.attest.reproducible},
          {"https://mobyproject.org/buildkit@v1#metadata", std::move(own)}};
}

}  // namespace

void Sources::add(const builder::v1::Material& material) {
  const bool known = std::any_of(materials.begin(), materials.end(), [&](const auto& other) {
    return other.uri == material.uri && other.digest == material.digest;
  });
  if (known) return;
  if (materials.size() == kMostMaterials) {
    throw Error{Errc::exhausted, "the build takes in more than can be told with the image"};
  }
  materials.push_back(material);
}

builder::v1::Material image_material(const std::string& reference, const images::Image& image) {
  builder::v1::Material out;
  out.algorithm = "sha256";
  out.digest = image.id.substr(image.id.find(':') + 1);
  const images::Platform platform{image.os, image.architecture, image.variant};
  // One that was named by its id: by a name, if it has one.
  const bool by_id = image.id.find(reference) != std::string::npos;
  if (by_id && image.names.empty()) {
    out.uri = image.id;
    return out;
  }
  const images::Reference name = images::parse_reference(by_id ? image.names.front() : reference).with_default_tag();
  out.uri = images::image_package_url(name, platform);
  for (const std::string& known : image.digests) {
    const images::Reference digest = images::parse_reference(known);
    if (digest.name() == name.name()) out.digest = digest.digest.substr(digest.digest.find(':') + 1);
  }
  return out;
}

std::string image_identifier(const std::string& reference, const images::Image& image) {
  const bool by_id = image.id.find(reference) != std::string::npos;
  if (by_id && image.names.empty()) return "docker-image://" + image.id;
  const images::Reference name = images::parse_reference(by_id ? image.names.front() : reference).with_default_tag();
  const std::string digest = image_material(reference, image).digest;
  const bool named = image.id != "sha256:" + digest && name.digest.empty();
  return "docker-image://" + name.str() + (named ? "@sha256:" + digest : "");
}

std::string provenance_predicate(const BuildRequest& request, const Sources& sources, const Invocation& invocation) {
  const bool whole = request.attest.provenance == Attest::Provenance::max;
  std::optional<StepDefinition> definition;
  if (whole && !sources.trace.empty()) {
    definition.emplace(sources.trace, invocation.made.image, images::parse_platform(invocation.platform));
  }
  ordered_json out{{"builder", {{"id", request.attest.builder}}},
                   {"buildType", "https://mobyproject.org/buildkit@v1"},
                   {"materials", materials_json(sources)},
                   {"invocation",
                    {{"configSource", config_source(request.wanted, sources)},
                     {"parameters", parameters(request, whole)},
                     {"environment", {{"platform", invocation.platform}}}}},
                   {"metadata", metadata(request, sources, invocation, whole, definition ? &*definition : nullptr)}};
  if (definition) out["buildConfig"] = definition->steps();
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace gantry::build
