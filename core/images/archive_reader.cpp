#include "images/archive_reader.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "gantry/error.hpp"
#include "images/attestation.hpp"
#include "images/image_config.hpp"
#include "images/platform.hpp"
#include "images/reference.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxImages = 1024;
/// Of all of their configs and manifests.
constexpr std::size_t kMaxText = std::size_t{64} << 20;
/// Of all of them.
constexpr std::size_t kMaxDescriptors = std::size_t{64} << 10;

std::size_t text_of(const Attestation& attestation) {
  std::size_t size = attestation.index.content.size();
  for (const auto& manifest : attestation.manifests) size += manifest.content.size();
  return size;
}

/// A small archive may name many images, each of a large config, and the same one over and over.
class FoundImages {
 public:
  explicit FoundImages(const std::optional<Platform>& platform)
      : platform_(platform.value_or(host_platform())), must_have_(!platform) {}

  /// Of an index of several platforms.
  [[nodiscard]] const Platform& platform() const { return platform_; }
  /// It is this host's: an index without it is of no use. Where somebody names one, others may be left out.
  [[nodiscard]] bool must_have() const { return must_have_; }
  void add(ArchivedImage image) {
    text_ += image.config.size() + image.manifest.content.size();
    descriptors_ += image.layers.size();
    images_.push_back(std::move(image));
    check();
  }
  /// To the last one.
  void add(Attestation attestation) {
    text_ += text_of(attestation);
    descriptors_ += attestation.blobs.size();
    images_.back().attestation = std::move(attestation);
    check();
  }
  [[nodiscard]] std::size_t size() const { return images_.size(); }
  [[nodiscard]] const ArchivedImage& last() const { return images_.back(); }
  std::vector<ArchivedImage> take() { return std::move(images_); }

 private:
  void check() const {
    if (images_.size() > kMaxImages) refuse_archive("it names too many images");
    if (text_ > kMaxText || descriptors_ > kMaxDescriptors) refuse_archive("its images are too large");
  }

  Platform platform_;
  bool must_have_;
  std::vector<ArchivedImage> images_;
  std::size_t text_{};
  std::size_t descriptors_{};
};

std::string_view layer_type(Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return media_type::kOciLayerGzip;
    case Compression::zstd:
      return media_type::kOciLayerZstd;
    case Compression::none:
      break;
  }
  return media_type::kOciLayer;
}

json parse(const std::string& text, const char* name) {
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded()) refuse_archive(std::string{name} + " is not JSON");
  return document;
}

std::vector<std::string> strings(const json& object, const char* name) {
  std::vector<std::string> out;
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return out;
  if (!found->is_array() || found->size() > kMaxLayers)
    refuse_archive(std::string{name} + " in manifest.json is not a list");
  for (const json& item : *found) {
    if (!item.is_string()) refuse_archive(std::string{name} + " in manifest.json is not a list of strings");
    out.push_back(item.get<std::string>());
  }
  return out;
}

/// A layer that nobody has read must be what the config says, unless it is compressed.
Descriptor layer_at(const std::string& path, const std::string* diff_id, ArchiveFiles& archive) {
  auto& file = archive.need(path);
  const Compression compression = archive.compression(file);
  Descriptor layer{std::string{layer_type(compression)}, {}, file.size, {}};
  if (file.digest.empty() && compression == Compression::none && diff_id != nullptr) {
    layer.digest = *diff_id;
    archive.expect(file, *diff_id);
  } else {
    layer.digest = archive.digest(file);
  }
  return layer;
}

/// By the configs' paths: several images may have the same one.
using DiffIds = std::map<std::string, std::vector<std::string>>;

ArchivedImage from_docker(const json& item, ArchiveFiles& archive, DiffIds& known) {
  if (!item.is_object() || !item.contains("Config") || !item["Config"].is_string()) {
    refuse_archive("manifest.json names no config");
  }
  ArchivedImage image;
  const auto config = item["Config"].get<std::string>();
  image.config = archive.content(archive.need(config), kMaxConfig);
  for (const std::string& name : strings(item, "RepoTags")) {
    image.names.push_back(parse_reference(name).with_default_tag().str());
  }
  const auto [found, is_new] = known.try_emplace(config);
  if (is_new) {
    Image parsed;
    parse_image_config(image.config, parsed);
    found->second = std::move(parsed.diff_ids);
  }
  const std::vector<std::string>& diff_ids = found->second;
  for (const std::string& path : strings(item, "Layers")) {
    const std::size_t at = image.layers.size();
    image.layers.push_back(layer_at(path, at < diff_ids.size() ? &diff_ids[at] : nullptr, archive));
  }
  return image;
}

/// A blob of the layout, whose name must be its digest.
ArchiveFiles::File& need_blob(ArchiveFiles& archive, const Descriptor& descriptor) {
  auto& file = archive.need("blobs/sha256/" + descriptor.digest.substr(7));
  if (file.size != descriptor.size || archive.digest(file) != descriptor.digest)
    refuse_archive("wrong digest or size of " + descriptor.digest);
  return file;
}

/// The same of one that may not have been read.
void expect_blob(ArchiveFiles& archive, const Descriptor& descriptor) {
  auto& file = archive.need("blobs/sha256/" + descriptor.digest.substr(7));
  if (!file.digest.empty() || file.size != descriptor.size) {
    need_blob(archive, descriptor);
  } else {
    archive.expect(file, descriptor.digest);
  }
}

std::vector<std::string> names_of(const Index::Entry& entry) {
  if (!entry.image_name.empty()) return {parse_reference(entry.image_name).with_default_tag().str()};
  // Only a tag says nothing about the repository.
  if (entry.ref_name.find_first_of(":/") == std::string::npos) return {};
  return {parse_reference(entry.ref_name).with_default_tag().str()};
}

/// What an index says about the image that was chosen of it.
Attestation attestation_in(const registry::v1::Manifest& top, const Index& index, const std::string& subject,
                           ArchiveFiles& archive) {
  const auto wanted = statements_about(index, subject);
  if (!wanted || !is_modest(top, *wanted)) return {};
  Attestation out;
  out.index = top;
  out.subject = subject;
  for (const Descriptor& entry : *wanted) {
    const std::string content = archive.content(need_blob(archive, entry), kMaxManifest);
    add_manifest(out, {entry.media_type, entry.digest, content});
  }
  for (const Descriptor& blob : out.blobs) need_blob(archive, blob);
  return out;
}

void from_layout(const Index& index, int depth, std::vector<std::string> names, ArchiveFiles& archive,
                 FoundImages& out);

void from_entry(const Index::Entry& entry, int depth, std::vector<std::string> names, ArchiveFiles& archive,
                FoundImages& out) {
  const std::string content = archive.content(need_blob(archive, entry.descriptor), kMaxManifest);
  const auto parsed = parse_manifest(content, entry.descriptor.media_type);
  if (const Index* nested = std::get_if<Index>(&parsed)) {
    if (depth > 3) refuse_archive("its indexes are nested too deeply");
    const std::size_t before = out.size();
    from_layout(*nested, depth + 1, std::move(names), archive, out);
    if (out.size() > before && out.last().attestation.index.content.empty()) {
      const registry::v1::Manifest top{nested->media_type, entry.descriptor.digest, content};
      out.add(attestation_in(top, *nested, out.last().manifest.digest, archive));
    }
    return;
  }
  const Manifest& manifest = std::get<Manifest>(parsed);
  ArchivedImage image;
  image.names = std::move(names);
  image.manifest = {manifest.media_type, entry.descriptor.digest, content};
  image.config = archive.content(need_blob(archive, manifest.config), kMaxConfig);
  for (const Descriptor& layer : manifest.layers) expect_blob(archive, layer);
  image.layers = manifest.layers;
  out.add(std::move(image));
}

void from_layout(const Index& index, int depth, std::vector<std::string> names, ArchiveFiles& archive,
                 FoundImages& out) {
  if (depth > 0) {
    // One name for several platforms: the one that is wanted.
    const Index::Entry* entry = choose(index, out.platform());
    if (entry == nullptr && !out.must_have()) return;
    if (entry == nullptr) refuse_archive("it has no image for " + out.platform().str());
    from_entry(*entry, depth, std::move(names), archive, out);
    return;
  }
  for (const Index::Entry& entry : index.manifests) from_entry(entry, depth, names_of(entry), archive, out);
}

/// What a layout says about images that manifest.json names as well: that says nothing itself.
void take_attestations(ArchiveFiles::File& index, const std::optional<Platform>& platform, ArchiveFiles& archive,
                       std::vector<ArchivedImage>& images) {
  const auto parsed = parse_manifest(archive.content(index, kMaxManifest), media_type::kOciIndex);
  FoundImages found{platform};
  if (const auto* layout = std::get_if<Index>(&parsed)) from_layout(*layout, 0, {}, archive, found);
  const std::vector<ArchivedImage> laid_out = found.take();
  std::size_t text = 0;
  const auto same_blob = [](const Descriptor& a, const Descriptor& b) { return a.digest == b.digest; };
  for (ArchivedImage& image : images) {
    for (const ArchivedImage& other : laid_out) {
      const bool same = image.config == other.config && std::equal(image.layers.begin(), image.layers.end(),
                                                                   other.layers.begin(), other.layers.end(), same_blob);
      if (!same || other.attestation.index.content.empty()) continue;
      text += other.manifest.content.size() + text_of(other.attestation);
      if (text > kMaxText) refuse_archive("its attestations are too large");
      image.manifest = other.manifest;
      image.attestation = other.attestation;
    }
  }
}

}  // namespace

std::vector<ArchivedImage> find_images(ArchiveFiles& archive, const std::optional<Platform>& platform) {
  FoundImages found{platform};
  if (auto* manifest = archive.find("manifest.json")) {
    const json list = parse(archive.content(*manifest, kMaxManifest), "manifest.json");
    if (!list.is_array()) refuse_archive("manifest.json is not a list");
    DiffIds known;
    for (const json& item : list) found.add(from_docker(item, archive, known));
    std::vector<ArchivedImage> images = found.take();
    // Archives of dockerd's may have a layout beside it that lacks what they do not need.
    try {
      if (auto* index = archive.find("index.json")) take_attestations(*index, platform, archive, images);
    } catch (const Error&) {
    }
    return images;
  }
  if (auto* index = archive.find("index.json")) {
    const auto parsed = parse_manifest(archive.content(*index, kMaxManifest), media_type::kOciIndex);
    if (!std::holds_alternative<Index>(parsed)) refuse_archive("index.json is not an index");
    from_layout(std::get<Index>(parsed), 0, {}, archive, found);
    return found.take();
  }
  refuse_archive("it has neither manifest.json nor index.json");
}

}  // namespace gantry::images
