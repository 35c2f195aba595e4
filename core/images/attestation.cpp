#include "images/attestation.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/archive_save.hpp"
#include "images/bounded_json.hpp"
#include "images/layer_compression.hpp"
#include "images/manifest.hpp"
#include "images/platform.hpp"
#include "images/pull.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kPredicateType = "in-toto.io/predicate-type";

ordered_json descriptor_of(std::string_view type, const std::string& content) {
  return {{"mediaType", type}, {"digest", sha256_digest(content)}, {"size", content.size()}};
}

ordered_json manifest_platform_json(const Image& image) {
  ordered_json out{{"architecture", image.architecture}, {"os", image.os}};
  if (!image.variant.empty()) out["variant"] = image.variant;
  return out;
}

ordered_json subjects_of(const Image& image, const std::vector<std::string>& names, const std::string& digest) {
  const ordered_json digests{{"sha256", digest.substr(digest.find(':') + 1)}};
  const Platform platform{image.os, image.architecture, image.variant};
  ordered_json out = ordered_json::array();
  for (const std::string& name : names) {
    out.push_back(
        {{"name", image_package_url(parse_reference(name).with_default_tag(), platform)}, {"digest", digests}});
  }
  // What is said is said of this manifest, whatever it is called.
  if (out.empty()) out.push_back({{"name", "_"}, {"digest", digests}});
  return out;
}

/// Puts the statements, their config and their manifests into the store.
Attestation make_attestation(const BlobStore& blobs, const ImageRecord& record, const registry::v1::Manifest& manifest,
                             const Saying& saying) {
  const ordered_json subjects = subjects_of(record.image, saying.names, manifest.digest);
  ordered_json layers = ordered_json::array();
  ordered_json digests = ordered_json::array();
  for (const Predicate& predicate : saying.predicates) {
    const ordered_json statement{
        {"_type", "https://in-toto.io/Statement/v0.1"}, {"predicateType", predicate.type}, {"subject", subjects}};
    // As text: a list of packages that was taken apart would have several times its size.
    std::string content = statement.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    content.replace(content.size() - 1, 1, ",\"predicate\":" + predicate.json + "}");
    blobs.put(content);
    ordered_json layer = descriptor_of(media_type::kInToto, content);
    digests.push_back(layer["digest"]);
    layer["annotations"][kPredicateType] = predicate.type;
    layers.push_back(std::move(layer));
  }
  const std::string config = ordered_json{{"architecture", "unknown"},
                                          {"os", "unknown"},
                                          {"config", ordered_json::object()},
                                          {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(digests)}}}}
                                 .dump();
  blobs.put(config);
  const std::string statements = ordered_json{
      {"schemaVersion", 2},
      {"mediaType", media_type::kOciManifest},
      {"config", descriptor_of(media_type::kOciConfig, config)},
      {"layers", std::move(layers)}}.dump();
  const Annotations& noted = saying.annotations;
  ordered_json image = descriptor_of(media_type::kOciManifest, manifest.content);
  if (!noted.manifest_descriptor.empty()) image["annotations"] = noted.manifest_descriptor;
  image["platform"] = manifest_platform_json(record.image);
  ordered_json about = descriptor_of(media_type::kOciManifest, statements);
  about["annotations"] = {{"vnd.docker.reference.digest", manifest.digest},
                          {"vnd.docker.reference.type", "attestation-manifest"}};
  about["platform"] = {{"architecture", "unknown"}, {"os", "unknown"}};
  Attestation out;
  out.subject = manifest.digest;
  add_manifest(out, {std::string{media_type::kOciManifest}, sha256_digest(statements), statements});
  out.index.media_type = media_type::kOciIndex;
  ordered_json index{
      {"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", {std::move(image), std::move(about)}}};
  if (!noted.index.empty()) index["annotations"] = noted.index;
  out.index.content = index.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  out.index.digest = sha256_digest(out.index.content);
  return out;
}

/// Of OCI's form, as an index of OCI's has it; without what was noted on it before.
registry::v1::Manifest manifest_for(const ImageRecord& record, const Annotations::Notes& notes) {
  const registry::v1::Manifest known = manifest_of(record);
  const bool usable = known.media_type == media_type::kOciManifest && !is_annotated(known.content);
  return usable && notes.empty() ? known : new_manifest(record, notes);
}

std::string string_member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string read_statement(const BlobStore& blobs, const std::string& digest) {
  std::string text = blobs.read(digest, kMaxStatements);
  // It has come from anywhere: what is none is not shown.
  return is_bounded_object(text) ? text : std::string{};
}

std::vector<Statement> statements_in(const BlobStore& blobs, const Attestation& attestation,
                                     const std::vector<std::string>& types, bool whole) {
  std::vector<Statement> out;
  for (const registry::v1::Manifest& manifest : attestation.manifests) {
    const json document = parse_bounded(manifest.content, kMaxManifest, "invalid manifest");
    for (const json& layer : document.at("layers")) {
      Statement statement;
      statement.media_type = string_member(layer, "mediaType");
      statement.digest = string_member(layer, "digest");
      statement.size = layer.value("size", std::uint64_t{});
      if (const auto noted = layer.find("annotations"); noted != layer.end() && noted->is_object()) {
        for (const auto& [name, value] : noted->items()) {
          if (value.is_string()) statement.annotations[name] = value.get<std::string>();
        }
      }
      if (statement.media_type != media_type::kInToto) continue;
      statement.predicate_type = statement.annotations[kPredicateType];
      const bool wanted =
          types.empty() || std::find(types.begin(), types.end(), statement.predicate_type) != types.end();
      if (!wanted) continue;
      if (whole) statement.json = read_statement(blobs, statement.digest);
      out.push_back(std::move(statement));
    }
  }
  return out;
}

}  // namespace

std::string escaped_component(std::string_view text, bool keep_slashes) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view{".-_~"}.find(c) != std::string_view::npos || (keep_slashes && c == '/');
    const auto byte = static_cast<unsigned char>(c);
    plain ? out += c : (out += '%', out += kHex[byte >> 4], out += kHex[byte & 15]);
  }
  return out;
}

std::string image_package_url(const Reference& reference, const Platform& platform) {
  std::string out = "pkg:docker/" + escaped_component(reference.familiar_name(), true);
  if (!reference.tag.empty()) out += "@" + escaped_component(reference.tag, false);
  out += "?";
  if (!reference.digest.empty()) out += "digest=" + reference.digest + "&";
  return out + "platform=" + escaped_component(platform.str(), false);
}

std::optional<std::vector<Descriptor>> statements_about(const Index& index, const std::string& subject) {
  std::vector<Descriptor> out;
  bool has_subject = false;
  for (const Index::Entry& entry : index.manifests) {
    if (entry.about == subject) {
      out.push_back(entry.descriptor);
    } else if (entry.about.empty() && entry.descriptor.digest == subject) {
      has_subject = true;
    } else {
      return {};
    }
  }
  if (!has_subject || out.empty()) return {};
  return out;
}

bool is_modest(const registry::v1::Manifest& index, const std::vector<Descriptor>& statements) {
  std::uint64_t size = index.content.size();
  for (const Descriptor& manifest : statements) size += std::min(manifest.size, kMaxAttestationManifests);
  return statements.size() <= kMaxAttestations && size <= kMaxAttestationManifests;
}

void add_manifest(Attestation& attestation, registry::v1::Manifest manifest) {
  const auto parsed = parse_manifest(manifest.content, manifest.media_type);
  const auto* parts = std::get_if<Manifest>(&parsed);
  if (parts == nullptr) throw Error{Errc::invalid, "invalid attestation: " + manifest.digest + " is an index"};
  attestation.blobs.push_back(parts->config);
  attestation.blobs.insert(attestation.blobs.end(), parts->layers.begin(), parts->layers.end());
  std::uint64_t size = 0;
  for (const Descriptor& blob : attestation.blobs) size += blob.size;
  if (size > kMaxStatements) {
    throw Error{Errc::invalid,
                "invalid attestation: it is larger than " + std::to_string(kMaxStatements >> 20) + " MiB"};
  }
  attestation.manifests.push_back(std::move(manifest));
}

bool is_attested(const ImageRecord& record) {
  return !record.attestation.index.content.empty() && manifest_of(record).digest == record.attestation.subject;
}

void check_is_about(const std::vector<LayerRecord>& layers, const std::vector<Descriptor>& blobs) {
  if (layers.size() != blobs.size()) throw Error{Errc::invalid, "its image has another number of layers"};
  for (std::size_t at = 0; at < layers.size(); ++at) {
    if (layers[at].blob.digest == blobs[at].digest) continue;
    throw Error{Errc::conflict, "the layer " + layers[at].blob.digest + " is here already, and is another blob there"};
  }
}

awaitable<void> get_blob(Context& context, Origin origin, Descriptor blob, Cancel cancel) {
  if (context.blobs.has(blob.digest, blob.size)) co_return;
  plugins::CallSettings settings;
  settings.cancel = cancel;
  const auto writer = std::make_shared<BlobStore::Writer>(context.blobs);
  const auto work = [origin, blob, writer](auto& driver, const Call& call) {
    driver.get_blob(origin.repository, blob, 0, origin.credentials, *writer, call);
    writer->commit(blob.digest, blob.size);
  };
  const auto driver = context.drivers.registry(origin.repository.transport);
  co_await context.drivers.call(driver, Pool::slow, settings, work);
}

awaitable<Attestation> get_attestation(Context& context, Reference reference, registry::v1::Manifest index,
                                       std::string subject, registry::v1::Credentials credentials, Cancel cancel) {
  const auto parsed = parse_manifest(index.content, index.media_type);
  const Index* entries = std::get_if<Index>(&parsed);
  const auto wanted = entries == nullptr ? std::nullopt : statements_about(*entries, subject);
  if (!wanted) co_return Attestation{};
  if (!is_modest(index, *wanted)) {
    throw Error{Errc::invalid, "invalid attestation: there are more manifests of it than " +
                                   std::to_string(kMaxAttestations) + ", or they are larger than " +
                                   std::to_string(kMaxAttestationManifests >> 10) + " KiB"};
  }
  Attestation out;
  out.index = index;
  out.subject = subject;
  for (const Descriptor& entry : *wanted) {
    const Reference named = reference.with_digest(entry.digest);
    registry::v1::Manifest manifest = co_await get_manifest(context, named, credentials, cancel);
    if (manifest.content.size() != entry.size) {
      throw Error{Errc::invalid, "invalid attestation: " + entry.digest + " has another size than its index says"};
    }
    add_manifest(out, std::move(manifest));
  }
  const Origin origin{reference.repository(), credentials};
  for (const Descriptor& blob : out.blobs) co_await get_blob(context, origin, blob, cancel);
  co_return out;
}

awaitable<std::string> attest(Context& context, std::string id, Saying saying) {
  Record record = context.catalog.find_id(id);
  if (record == nullptr) throw_no_such_image(id);
  const bool replaces = !record->attestation.index.content.empty();
  std::string digest;
  {
    const LayerStore::Ingest ingest{context.layers};
    record = co_await form_layers(context, record, LayerForm{}, nullptr);
    const ImageRecord spoken_of = *record;
    const registry::v1::Manifest manifest = manifest_for(spoken_of, saying.annotations.manifest);
    if (saying.names.empty()) saying.names = record->image.names;
    const BlobStore& blobs = context.blobs;
    Attestation made;
    if (!saying.predicates.empty()) {
      const auto make = [&] { return make_attestation(blobs, spoken_of, manifest, saying); };
      made = co_await context.workers.run(Pool::slow, make);
    }
    digest = made.index.digest;
    const Record now_known = context.catalog.find_id(id);
    if (now_known == nullptr) throw_no_such_image(id);
    ImageRecord fresh = *now_known;
    fresh.manifest = manifest;
    fresh.noted = digest.empty() ? saying.annotations.manifest_descriptor : saying.annotations.index_descriptor;
    fresh.attestation = std::move(made);
    context.catalog.replace(std::move(fresh));
  }
  // What was said before, and the layers as they were.
  if (replaces) co_await context.layers.collect();
  co_return digest;
}

awaitable<std::vector<Descriptor>> compressed_layers(Context& context, std::string id) {
  Record record = context.catalog.find_id(id);
  if (record == nullptr) throw_no_such_image(id);
  const LayerStore::Ingest ingest{context.layers};
  record = co_await form_layers(context, record, LayerForm{}, nullptr);
  std::vector<Descriptor> out;
  for (const LayerRecord& layer : record->layers) out.push_back(layer.blob);
  co_return out;
}

awaitable<void> retract(Context& context, std::string id) {
  const Record record = context.catalog.find_id(id);
  if (record == nullptr) co_return;
  const bool annotated = is_annotated(record->manifest.content);
  if (record->attestation.index.content.empty() && record->noted.empty() && !annotated) co_return;
  ImageRecord changed = *record;
  changed.attestation = {};
  changed.noted.clear();
  if (annotated) changed.manifest = {};
  context.catalog.replace(std::move(changed));
  co_await context.layers.collect();
}

awaitable<std::vector<Statement>> read_statements(Context& context, Record record, std::vector<std::string> types,
                                                  bool whole) {
  // Nobody removes what is being read.
  const LayerStore::Ingest ingest{context.layers};
  const auto read = [&] { return statements_in(context.blobs, record->attestation, types, whole); };
  co_return co_await context.workers.run(Pool::slow, read);
}

}  // namespace gantry::images
