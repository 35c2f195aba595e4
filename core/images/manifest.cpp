#include "images/manifest.hpp"

#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "images/bounded_json.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

[[noreturn]] void refuse_manifest(const std::string& why) { throw Error{Errc::invalid, "invalid manifest: " + why}; }

std::string text(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

bool says_schema_1(const json& document) {
  const auto schema = document.find("schemaVersion");
  return schema != document.end() && schema->is_number() && schema->get<double>() == 1;
}

Descriptor parse_descriptor(const json& object) {
  if (!object.is_object()) refuse_manifest("a descriptor is not an object");
  Descriptor out;
  out.media_type = text(object, "mediaType");
  out.digest = text(object, "digest");
  if (!is_sha256_digest(out.digest)) refuse_manifest("\"" + out.digest + "\" is not a sha256 digest");
  const auto size = object.find("size");
  if (size == object.end() || !size->is_number_unsigned())
    refuse_manifest("the size of " + out.digest + " is not a number");
  out.size = size->get<std::uint64_t>();
  if (out.size > kMaxBlob) refuse_manifest("the size of " + out.digest + " is out of bounds");
  if (const auto urls = object.find("urls"); urls != object.end() && urls->is_array()) {
    for (const json& url : *urls) {
      if (url.is_string()) out.urls.push_back(url.get<std::string>());
    }
  }
  return out;
}

Manifest parse_image(const json& document, std::string type) {
  Manifest out;
  out.media_type = std::move(type);
  const auto config = document.find("config");
  const auto layers = document.find("layers");
  if (config == document.end()) refuse_manifest("it has no config");
  out.config = parse_descriptor(*config);
  if (layers == document.end() || !layers->is_array()) refuse_manifest("it has no list of layers");
  if (layers->size() > kMaxLayers) refuse_manifest("it has more than " + std::to_string(kMaxLayers) + " layers");
  for (const json& layer : *layers) out.layers.push_back(parse_descriptor(layer));
  return out;
}

Index::Entry parse_entry(const json& object) {
  Index::Entry out;
  out.descriptor = parse_descriptor(object);
  if (const auto platform = object.find("platform"); platform != object.end() && platform->is_object()) {
    out.platform = Platform{text(*platform, "os"), text(*platform, "architecture"), text(*platform, "variant")};
  }
  if (const auto annotations = object.find("annotations"); annotations != object.end() && annotations->is_object()) {
    out.ref_name = text(*annotations, "org.opencontainers.image.ref.name");
    out.image_name = text(*annotations, "io.containerd.image.name");
    if (text(*annotations, "vnd.docker.reference.type") == "attestation-manifest") {
      out.about = text(*annotations, "vnd.docker.reference.digest");
    }
  }
  return out;
}

Index parse_index(const json& document, std::string type) {
  Index out;
  out.media_type = std::move(type);
  const auto manifests = document.find("manifests");
  if (manifests == document.end() || !manifests->is_array()) refuse_manifest("it has no list of manifests");
  if (manifests->size() > kMaxLayers) refuse_manifest("it has more than " + std::to_string(kMaxLayers) + " manifests");
  for (const json& entry : *manifests) out.manifests.push_back(parse_entry(entry));
  return out;
}

ordered_json descriptor_json(const Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type}, {"size", descriptor.size}, {"digest", descriptor.digest}};
}

ordered_json manifest_json(std::string_view type, const Descriptor& config, const std::vector<Descriptor>& layers) {
  ordered_json list = ordered_json::array();
  for (const Descriptor& layer : layers) list.push_back(descriptor_json(layer));
  return {{"schemaVersion", 2}, {"mediaType", type}, {"config", descriptor_json(config)}, {"layers", std::move(list)}};
}

}  // namespace

bool is_schema_1(std::string_view content, std::string_view declared_type) {
  if (declared_type.starts_with("application/vnd.docker.distribution.manifest.v1+")) return true;
  // What has a name of its own is not read twice.
  const bool known = declared_type.starts_with("application/vnd.docker.distribution.manifest.") ||
                     declared_type.starts_with("application/vnd.oci.image.");
  return !known && is_bounded_object(content) && says_schema_1(json::parse(content));
}

bool is_foreign(std::string_view media_type) {
  return media_type.starts_with("application/vnd.docker.image.rootfs.foreign.") ||
         media_type.starts_with("application/vnd.oci.image.layer.nondistributable.");
}

std::variant<Manifest, Index> parse_manifest(std::string_view content, std::string_view declared_type) {
  const json document = parse_bounded(content, kMaxManifest, "invalid manifest");
  std::string type = text(document, "mediaType");
  if (type.empty()) type = declared_type.substr(0, declared_type.find(';'));
  if (says_schema_1(document)) {
    throw Error{Errc::unsupported,
                "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has been removed. "
                "Build the image again with a newer tool."};
  }
  // An ambiguous document could mean one image to us and another to whoever checked it (CVE-2021-41190).
  if (document.contains("manifests") && (document.contains("layers") || document.contains("config"))) {
    refuse_manifest("it is an image and an index at once");
  }
  if (type == media_type::kDockerList || type == media_type::kOciIndex) return parse_index(document, std::move(type));
  if (type == media_type::kDockerManifest || type == media_type::kOciManifest) {
    return parse_image(document, std::move(type));
  }
  if (document.contains("manifests")) return parse_index(document, std::string{media_type::kOciIndex});
  if (document.contains("layers")) return parse_image(document, std::string{media_type::kOciManifest});
  throw Error{Errc::invalid, "unsupported manifest media type and no default available: " + type};
}

const Index::Entry* choose(const Index& index, const Platform& platform) {
  const Index::Entry* best = nullptr;
  int best_score = 0;
  for (const Index::Entry& entry : index.manifests) {
    if (!entry.about.empty()) continue;
    const int score = entry.platform ? match_platform(platform, *entry.platform) : 1;
    if (score > best_score) {
      best = &entry;
      best_score = score;
    }
  }
  return best;
}

std::string make_docker_manifest(const Descriptor& config, const std::vector<Descriptor>& layers) {
  // Distribution indents its manifests by three spaces, so that equal images get equal digests whoever pushes them.
  return manifest_json(media_type::kDockerManifest, config, layers).dump(3);
}

std::string make_oci_manifest(const Descriptor& config, const std::vector<Descriptor>& layers,
                              const std::map<std::string, std::string>& annotations) {
  ordered_json out = manifest_json(media_type::kOciManifest, config, layers);
  if (!annotations.empty()) out["annotations"] = annotations;
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string make_oci_index(const std::vector<Index::Entry>& entries) {
  ordered_json manifests = ordered_json::array();
  for (const Index::Entry& entry : entries) {
    ordered_json item = descriptor_json(entry.descriptor);
    if (entry.platform) {
      item["platform"] = {{"architecture", entry.platform->architecture}, {"os", entry.platform->os}};
      if (!entry.platform->variant.empty()) item["platform"]["variant"] = entry.platform->variant;
    }
    manifests.push_back(std::move(item));
  }
  return ordered_json{{"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", std::move(manifests)}}
      .dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

bool is_annotated(std::string_view content) {
  return !content.empty() && parse_bounded(content, kMaxManifest, "invalid manifest").contains("annotations");
}

}  // namespace gantry::images
