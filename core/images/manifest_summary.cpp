#include "images/manifest_summary.hpp"

#include <algorithm>

#include "images/archive_save.hpp"
#include "images/attestation.hpp"

namespace gantry::images {
namespace {

std::int64_t bytes(std::uint64_t size) { return static_cast<std::int64_t>(size); }

/// Adds to `summary` what is here of a manifest's blobs, and notes if one is missing.
void count_blob(const BlobStore& blobs, const Descriptor& blob, wire::ManifestSummary& summary) {
  if (blobs.has(blob.digest, blob.size)) {
    summary.content += bytes(blob.size);
  } else {
    summary.available = false;
  }
}

wire::ManifestSummary summary_of(const registry::v1::Manifest& manifest) {
  wire::ManifestSummary out;
  out.digest = manifest.digest;
  out.media_type = manifest.media_type;
  out.size = out.content = bytes(manifest.content.size());
  out.available = true;
  return out;
}

wire::ManifestSummary summarize_image(const Context& context, const ImageRecord& record, bool identity) {
  const Image& image = record.image;
  wire::ManifestSummary out = summary_of(manifest_of(record));
  out.os = image.os;
  out.architecture = image.architecture;
  out.variant = image.variant;
  out.content += bytes(image.config_json.size());
  for (const LayerRecord& layer : record.layers) {
    count_blob(context.blobs, layer.blob, out);
    out.unpacked += bytes(layer.size);
  }
  if (context.users) {
    for (const auto& user : context.users(image.id)) out.containers.push_back(user.container_id);
  }
  if (identity) out.identity = identity_of(record);
  return out;
}

}  // namespace

std::vector<wire::ManifestSummary> summarize_manifests(const Context& context, const ImageRecord& record,
                                                       bool identity) {
  std::vector<wire::ManifestSummary> out{summarize_image(context, record, identity)};
  if (!is_attested(record)) return out;
  for (const registry::v1::Manifest& manifest : record.attestation.manifests) {
    wire::ManifestSummary& summary = out.emplace_back(summary_of(manifest));
    summary.about = record.attestation.subject;
    const auto parsed = parse_manifest(manifest.content, manifest.media_type);
    const Manifest& parts = std::get<Manifest>(parsed);
    count_blob(context.blobs, parts.config, summary);
    for (const Descriptor& blob : parts.layers) count_blob(context.blobs, blob, summary);
  }
  return out;
}

wire::ImageIdentity identity_of(const ImageRecord& record) {
  wire::ImageIdentity out;
  for (const std::string& digest : record.image.digests) {
    const std::string repository = parse_reference(digest).name();
    const bool known = std::find(out.pulled_from.begin(), out.pulled_from.end(), repository) != out.pulled_from.end();
    if (!known) out.pulled_from.push_back(repository);
  }
  return out;
}

}  // namespace gantry::images
