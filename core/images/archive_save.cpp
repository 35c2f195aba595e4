#include "images/archive_save.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/attestation.hpp"
#include "images/blob_repair.hpp"
#include "images/query.hpp"
#include "images/stream_bridge.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct FreeWriter {
  void operator()(archive* handle) const noexcept { archive_write_free(handle); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};

/// Writes files into a tar stream; the same files give the same bytes.
class TarWriter {
 public:
  explicit TarWriter(ByteSink& sink) : output_{sink, nullptr}, handle_(archive_write_new()) {
    archive_write_set_format_pax_restricted(handle_.get());
    archive_write_set_bytes_in_last_block(handle_.get(), 1);
    check(archive_write_open(handle_.get(), &output_, nullptr, write_piece, nullptr));
  }

  void add_directory(const std::string& path) { add_header(path, AE_IFDIR | 0755, 0); }

  void add(const std::string& path, std::string_view content) {
    add_header(path, AE_IFREG | 0644, content.size());
    add_data(std::as_bytes(std::span{content}));
  }

  void add(const std::string& path, std::uint64_t size, ByteSource& content) {
    add_header(path, AE_IFREG | 0644, size);
    while (const std::size_t got = content.read(buffer_)) add_data(std::span{buffer_}.first(got));
  }

  void finish() { check(archive_write_close(handle_.get())); }

 private:
  struct Output {
    ByteSink& sink;
    std::exception_ptr error;
  };

  static la_ssize_t write_piece(archive* handle, void* context, const void* bytes, std::size_t count) {
    auto& output = *static_cast<Output*>(context);
    try {
      output.sink.write({static_cast<const std::byte*>(bytes), count});
      return static_cast<la_ssize_t>(count);
    } catch (const std::exception& error) {
      output.error = std::current_exception();
      archive_set_error(handle, EIO, "%s", error.what());
      return -1;
    }
  }

  void add_header(const std::string& path, unsigned mode, std::uint64_t size) {
    const std::unique_ptr<archive_entry, FreeEntry> entry{archive_entry_new()};
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_mode(entry.get(), mode);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    archive_entry_set_mtime(entry.get(), 0, 0);
    check(archive_write_header(handle_.get(), entry.get()));
  }

  void add_data(std::span<const std::byte> bytes) {
    if (!bytes.empty() && archive_write_data(handle_.get(), bytes.data(), bytes.size()) < 0) check(ARCHIVE_FATAL);
  }

  void check(int result) {
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    if (output_.error) std::rethrow_exception(output_.error);
    throw Error{Errc::io, std::string{"cannot write the archive: "} + archive_error_string(handle_.get())};
  }

  Output output_;
  std::unique_ptr<archive, FreeWriter> handle_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(std::size_t{256} << 10);
};

/// An image and the names that are to be saved with it.
struct Saved {
  Record record;
  std::vector<std::string> names;  // normalized
  bool attested{};                 // with what is said about it
};

std::string blob_path(const std::string& digest) { return "blobs/sha256/" + digest.substr(7); }

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// "sha256:0123" is an id, although it could be a name with a tag.
bool is_start_of_id(const Record& record, const std::string& text) {
  return text.starts_with("sha256:") && record->image.id.starts_with(text);
}

/// All tags of a repository if only its name is given.
std::vector<Saved> find_saved(const Context& context, const std::vector<std::string>& references) {
  std::vector<Saved> out;
  const auto add = [&](const Record& record, const std::string& name) {
    const auto found = std::find_if(out.begin(), out.end(), [&](const Saved& saved) { return saved.record == record; });
    Saved& saved = found == out.end() ? out.emplace_back(Saved{record, {}, false}) : *found;
    if (!name.empty()) add_name(saved.names, name);
  };
  for (const std::string& text : references) {
    const Record record = context.catalog.find(text);
    std::optional<Reference> reference;
    try {
      reference = parse_reference(text);
    } catch (const Error&) {
    }
    bool named = false;
    if (reference && reference->tag.empty() && reference->digest.empty()) {
      for (const Record& other : context.catalog.visible()) {
        for (const std::string& name : other->image.names) {
          if (parse_reference(name).name() != reference->name()) continue;
          add(other, name);
          named = true;
        }
      }
    } else if (reference && !reference->tag.empty() && record != nullptr && !is_start_of_id(record, text)) {
      add(record, reference->with_tag(reference->tag).str());
      named = true;
    }
    if (named) continue;
    if (record == nullptr && reference && !reference->tag.empty()) {
      throw Error{Errc::not_found, "reference does not exist"};
    }
    if (record == nullptr && reference && reference->tag.empty() && reference->digest.empty()) {
      throw Error{Errc::not_found, "No such image: " + text};
    }
    if (record == nullptr) throw_no_such_image(text);
    add(record, "");
  }
  return out;
}

class Layout {
 public:
  Layout(TarWriter& tar, const BlobStore& blobs) : tar_(tar), blobs_(blobs) {
    tar_.add_directory("blobs/");
    tar_.add_directory("blobs/sha256/");
  }

  void add(const Saved& saved) {
    const ImageRecord& record = *saved.record;
    const registry::v1::Manifest manifest = manifest_of(record);
    add_blob(manifest.digest, manifest.content);
    add_blob(record.image.id, record.image.config_json);
    ordered_json item{{"Config", blob_path(record.image.id)}, {"RepoTags", nullptr}, {"Layers", json::array()}};
    for (const LayerRecord& layer : record.layers) {
      add_blob(layer.blob);
      item["Layers"].push_back(blob_path(layer.blob.digest));
    }
    const registry::v1::Manifest& top = saved.attested ? add_attestation(record.attestation) : manifest;
    ordered_json entry{{"mediaType", top.media_type}, {"digest", top.digest}, {"size", top.content.size()}};
    if (!record.noted.empty()) entry["annotations"] = record.noted;
    if (saved.names.empty()) index_.push_back(entry);
    for (const std::string& name : saved.names) {
      const Reference reference = parse_reference(name);
      add_name_to(item, entry, reference);
      if (!record.layers.empty()) {
        repositories_[reference.familiar_name()][reference.tag] = record.layers.back().blob.digest.substr(7);
      }
    }
    manifests_.push_back(std::move(item));
  }

  void finish() {
    const ordered_json index{{"schemaVersion", 2}, {"mediaType", media_type::kOciIndex}, {"manifests", index_}};
    tar_.add("index.json", index.dump());
    tar_.add("manifest.json", manifests_.dump());
    tar_.add("oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
    tar_.add("repositories", repositories_.dump());
    tar_.finish();
  }

 private:
  /// Answers the index, which stands in the place of the image's manifest.
  const registry::v1::Manifest& add_attestation(const Attestation& attestation) {
    for (const Descriptor& blob : attestation.blobs) add_blob(blob);
    for (const registry::v1::Manifest& manifest : attestation.manifests) add_blob(manifest.digest, manifest.content);
    add_blob(attestation.index.digest, attestation.index.content);
    return attestation.index;
  }

  void add_name_to(ordered_json& item, ordered_json entry, const Reference& reference) {
    item["RepoTags"].push_back(reference.familiar());
    entry["annotations"]["io.containerd.image.name"] = reference.str();
    entry["annotations"]["org.opencontainers.image.ref.name"] = reference.tag;
    index_.push_back(std::move(entry));
  }

  void add_blob(const std::string& digest, const std::string& content) {
    if (written_.insert(digest).second) tar_.add(blob_path(digest), content);
  }

  void add_blob(const Descriptor& blob) {
    if (!written_.insert(blob.digest).second) return;
    WholeBlob file{blobs_, blob};
    tar_.add(blob_path(blob.digest), blob.size, file);
  }

  TarWriter& tar_;
  const BlobStore& blobs_;
  std::set<std::string> written_;
  ordered_json index_ = ordered_json::array();
  ordered_json manifests_ = ordered_json::array();
  ordered_json repositories_ = ordered_json::object();
};

}  // namespace

registry::v1::Manifest manifest_of(const ImageRecord& record) {
  std::vector<Descriptor> layers;
  for (const LayerRecord& layer : record.layers) layers.push_back(layer.blob);
  if (!record.manifest.content.empty()) {
    const auto parsed = parse_manifest(record.manifest.content, record.manifest.media_type);
    const auto* pulled = std::get_if<Manifest>(&parsed);
    const bool same =
        pulled != nullptr && std::equal(pulled->layers.begin(), pulled->layers.end(), layers.begin(), layers.end(),
                                        [](const auto& a, const auto& b) { return a.digest == b.digest; });
    if (same) return record.manifest;
  }
  return new_manifest(record);
}

registry::v1::Manifest new_manifest(const ImageRecord& record, const Annotations::Notes& notes) {
  std::vector<Descriptor> layers;
  for (const LayerRecord& layer : record.layers) layers.push_back(layer.blob);
  for (Descriptor& layer : layers) {
    if (layer.media_type == media_type::kDockerLayerGzip) layer.media_type = media_type::kOciLayerGzip;
  }
  const Descriptor config{std::string{media_type::kOciConfig}, record.image.id, record.image.config_json.size(), {}};
  registry::v1::Manifest made;
  made.media_type = media_type::kOciManifest;
  made.content = make_oci_manifest(config, layers, notes);
  made.digest = sha256_digest(made.content);
  return made;
}

awaitable<void> save_archive(Context& context, std::vector<std::string> references, std::optional<Platform> platform,
                             DownloadSink sink, Cancel cancel) {
  std::vector<Saved> saved = find_saved(context, references);
  std::set<std::string> kept;
  for (Saved& image : saved) {
    const Image& about = image.record->image;
    check_platform(image.names.empty() ? about.id : familiar(image.names.front()), about, platform);
    image.attested = !platform && is_attested(*image.record);
    for (const LayerRecord& layer : image.record->layers) kept.insert(layer.blob.digest);
    if (!image.attested) continue;
    for (const Descriptor& blob : image.record->attestation.blobs) kept.insert(blob.digest);
  }
  const LayerStore::Pin pin{context.layers, kept};
  const BlobStore& blobs = context.blobs;
  // Before the first piece, as what fails later the client does not get to know.
  for (const Saved& image : saved) {
    for (const LayerRecord& layer : image.record->layers) {
      co_await check_size(context, layer.blob, cancel);
    }
    if (!image.attested) continue;
    for (const Descriptor& blob : image.record->attestation.blobs) co_await check_size(context, blob, cancel);
  }
  const std::function<void(ByteSink&)> write = [&](ByteSink& download) {
    TarWriter tar{download};
    Layout layout{tar, blobs};
    for (const Saved& image : saved) {
      if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
      layout.add(image);
    }
    layout.finish();
  };
  co_await write_download(context.workers, std::move(sink), write);
  for (const Saved& image : saved)
    publish(context, "save", image.record->image.id, image.record->image.id, image.record);
}

}  // namespace gantry::images
