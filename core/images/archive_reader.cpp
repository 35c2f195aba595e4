#include "images/archive_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "gantry/tar_end.hpp"
#include "images/attestation.hpp"
#include "images/compression.hpp"
#include "images/image_config.hpp"
#include "images/platform.hpp"
#include "images/reference.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxEntries = 65536;
constexpr std::size_t kBuffer = std::size_t{256} << 10;

[[noreturn]] void refuse_archive(const std::string& why) {
  throw Error{Errc::invalid, "invalid image archive: " + why};
}

/// Without "./", ".." and doubled slashes.
std::string clean(std::string_view path) {
  std::string text = std::filesystem::path{path}.lexically_normal().generic_string();
  while (text.starts_with("/") || text.starts_with("../")) text.erase(0, text.find('/') + 1);
  return text;
}

struct ArchiveInput {
  ByteSource& source;
  std::vector<std::byte> buffer = std::vector<std::byte>(kBuffer);
  TarEnd end{};
  std::exception_ptr error{};
};

/// libarchive is C: an exception waits in `ArchiveInput` until it has returned.
la_ssize_t read_piece(archive* handle, void* context, const void** out) {
  auto& input = *static_cast<ArchiveInput*>(context);
  try {
    *out = input.buffer.data();
    return static_cast<la_ssize_t>(input.end.fill(input.buffer, input.source.read(input.buffer)));
  } catch (const std::exception& error) {
    input.error = std::current_exception();
    archive_set_error(handle, EIO, "%s", error.what());
    return -1;
  }
}

struct FreeReader {
  void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};

class Reader {
 public:
  explicit Reader(ByteSource& source) : input_{source}, handle_(archive_read_new()) {
    // Not all that libarchive knows: for some it runs programs of the host.
    archive_read_support_filter_gzip(handle_.get());
    archive_read_support_filter_bzip2(handle_.get());
    archive_read_support_filter_xz(handle_.get());
    archive_read_support_filter_zstd(handle_.get());
    archive_read_support_format_tar(handle_.get());
    archive_read_support_format_empty(handle_.get());
    check(archive_read_open(handle_.get(), &input_, nullptr, read_piece, nullptr));
  }

  /// Null at the end.
  archive_entry* next() {
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(handle_.get(), &entry);
    if (result == ARCHIVE_EOF) {
      if (!input_.end.is_whole()) refuse_archive("Truncated input file");
      return nullptr;
    }
    check(result);
    input_.end.saw_entry(archive_filter_bytes(handle_.get(), 0), archive_entry_size(entry),
                         archive_entry_sparse_count(entry) > 0);
    return entry;
  }

  void copy(ByteSink& sink) {
    for (;;) {
      const la_ssize_t got = archive_read_data(handle_.get(), data_.data(), data_.size());
      if (got < 0) check(ARCHIVE_FATAL);
      if (got == 0) return;
      sink.write(std::span{data_}.first(static_cast<std::size_t>(got)));
    }
  }

 private:
  void check(int result) {
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return;
    if (input_.error) std::rethrow_exception(input_.error);
    const char* why = archive_error_string(handle_.get());
    // As Go's reader tells of what is no archive.
    if (why != nullptr && why == std::string_view{"Unrecognized archive format"}) {
      constexpr std::uint64_t kHeader = 512;
      throw Error{Errc::invalid, input_.end.size() < kHeader ? "unexpected EOF" : "archive/tar: invalid tar header"};
    }
    refuse_archive(why == nullptr ? "it cannot be read" : why);
  }

  ArchiveInput input_;
  std::unique_ptr<archive, FreeReader> handle_;
  std::vector<std::byte> data_ = std::vector<std::byte>(kBuffer);
};

const ArchiveFiles::File& need(const ArchiveFiles& archive, const std::string& path) {
  const auto* file = archive.find(clean(path));
  if (file == nullptr) refuse_archive("it has no file " + path);
  return *file;
}

std::string_view layer_type(const BlobStore& blobs, const std::string& digest) {
  FileSource file{blobs.open(digest)};
  std::array<std::byte, 4> start{};
  const std::size_t got = file.read(start);
  switch (detect_compression(std::span{start}.first(got))) {
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

ArchivedImage from_docker(const json& item, const ArchiveFiles& archive, const BlobStore& blobs) {
  if (!item.is_object() || !item.contains("Config") || !item["Config"].is_string()) {
    refuse_archive("manifest.json names no config");
  }
  ArchivedImage image;
  image.config = blobs.read(need(archive, item["Config"].get<std::string>()).digest, kMaxConfig);
  for (const std::string& name : strings(item, "RepoTags")) {
    image.names.push_back(parse_reference(name).with_default_tag().str());
  }
  for (const std::string& path : strings(item, "Layers")) {
    const auto& file = need(archive, path);
    image.layers.push_back({std::string{layer_type(blobs, file.digest)}, file.digest, file.size, {}});
  }
  return image;
}

/// A blob of the layout, whose name must be its digest.
const ArchiveFiles::File& need_blob(const ArchiveFiles& archive, const Descriptor& descriptor) {
  const auto& file = need(archive, "blobs/sha256/" + descriptor.digest.substr(7));
  if (file.digest != descriptor.digest || file.size != descriptor.size)
    refuse_archive("wrong digest or size of " + descriptor.digest);
  return file;
}

std::vector<std::string> names_of(const Index::Entry& entry) {
  if (!entry.image_name.empty()) return {parse_reference(entry.image_name).with_default_tag().str()};
  // Only a tag says nothing about the repository.
  if (entry.ref_name.find_first_of(":/") == std::string::npos) return {};
  return {parse_reference(entry.ref_name).with_default_tag().str()};
}

/// What an index says about the image that was chosen of it.
Attestation attestation_in(const registry::v1::Manifest& top, const Index& index, const std::string& subject,
                           const ArchiveFiles& archive, const BlobStore& blobs) {
  const auto wanted = statements_about(index, subject);
  if (!wanted || wanted->size() > kMaxAttestations) return {};
  Attestation out;
  out.index = top;
  out.subject = subject;
  for (const Descriptor& entry : *wanted) {
    const std::string content = blobs.read(need_blob(archive, entry).digest, kMaxManifest);
    add_manifest(out, {entry.media_type, entry.digest, content});
  }
  for (const Descriptor& blob : out.blobs) need_blob(archive, blob);
  return out;
}

void from_layout(const Index& index, int depth, std::vector<std::string> names, const ArchiveFiles& archive,
                 const BlobStore& blobs, std::vector<ArchivedImage>& out);

void from_entry(const Index::Entry& entry, int depth, std::vector<std::string> names, const ArchiveFiles& archive,
                const BlobStore& blobs, std::vector<ArchivedImage>& out) {
  const std::string content = blobs.read(need_blob(archive, entry.descriptor).digest, kMaxManifest);
  const auto parsed = parse_manifest(content, entry.descriptor.media_type);
  if (const Index* nested = std::get_if<Index>(&parsed)) {
    if (depth > 3) refuse_archive("its indexes are nested too deeply");
    from_layout(*nested, depth + 1, std::move(names), archive, blobs, out);
    ArchivedImage& image = out.back();
    if (image.attestation.index.content.empty()) {
      const registry::v1::Manifest top{nested->media_type, entry.descriptor.digest, content};
      image.attestation = attestation_in(top, *nested, image.manifest.digest, archive, blobs);
    }
    return;
  }
  const Manifest& manifest = std::get<Manifest>(parsed);
  ArchivedImage image;
  image.names = std::move(names);
  image.manifest = {manifest.media_type, entry.descriptor.digest, content};
  image.config = blobs.read(need_blob(archive, manifest.config).digest, kMaxConfig);
  for (const Descriptor& layer : manifest.layers) need_blob(archive, layer);
  image.layers = manifest.layers;
  out.push_back(std::move(image));
}

void from_layout(const Index& index, int depth, std::vector<std::string> names, const ArchiveFiles& archive,
                 const BlobStore& blobs, std::vector<ArchivedImage>& out) {
  if (depth > 0) {
    // One name for several platforms: ours.
    const Index::Entry* entry = choose(index, host_platform());
    if (entry == nullptr) refuse_archive("it has no image for " + host_platform().str());
    from_entry(*entry, depth, std::move(names), archive, blobs, out);
    return;
  }
  for (const Index::Entry& entry : index.manifests) from_entry(entry, depth, names_of(entry), archive, blobs, out);
}

}  // namespace

const ArchiveFiles::File* ArchiveFiles::find(const std::string& path) const {
  std::string current = path;
  for (int hops = 0; hops < 8; ++hops) {
    if (const auto file = files.find(current); file != files.end()) return &file->second;
    const auto link = links.find(current);
    if (link == links.end()) return nullptr;
    current = link->second;
  }
  return nullptr;
}

namespace {

/// What a layout says about images that manifest.json names as well: that says nothing itself.
void take_attestations(const ArchiveFiles::File& index, const ArchiveFiles& archive, const BlobStore& blobs,
                       std::vector<ArchivedImage>& images) {
  const auto parsed = parse_manifest(blobs.read(index.digest, kMaxManifest), media_type::kOciIndex);
  std::vector<ArchivedImage> laid_out;
  if (const auto* layout = std::get_if<Index>(&parsed)) from_layout(*layout, 0, {}, archive, blobs, laid_out);
  const auto same_blob = [](const Descriptor& a, const Descriptor& b) { return a.digest == b.digest; };
  for (ArchivedImage& image : images) {
    for (const ArchivedImage& other : laid_out) {
      const bool same = image.config == other.config && std::equal(image.layers.begin(), image.layers.end(),
                                                                   other.layers.begin(), other.layers.end(), same_blob);
      if (!same || other.attestation.index.content.empty()) continue;
      image.manifest = other.manifest;
      image.attestation = other.attestation;
    }
  }
}

}  // namespace

ArchiveFiles read_archive(ByteSource& source, const BlobStore& blobs) {
  ArchiveFiles out;
  Reader reader{source};
  while (archive_entry* entry = reader.next()) {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) refuse_archive("a name cannot be read");
    const std::string path = clean(name);
    if (out.files.size() + out.links.size() > kMaxEntries) refuse_archive("it has too many files");
    if (const char* target = archive_entry_hardlink(entry)) {
      out.links[path] = clean(target);
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
      const char* symlink = archive_entry_symlink(entry);
      if (symlink != nullptr) out.links[path] = clean((std::filesystem::path{path}.parent_path() / symlink).string());
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      BlobStore::Writer writer{blobs};
      reader.copy(writer);
      const std::uint64_t size = writer.size();
      out.files[path] = {writer.commit(), size};
    }
  }
  // The client may still be sending padding.
  std::array<std::byte, 4096> rest;
  while (source.read(rest) > 0) {
  }
  return out;
}

std::vector<ArchivedImage> find_images(const ArchiveFiles& archive, const BlobStore& blobs) {
  std::vector<ArchivedImage> images;
  if (const auto* manifest = archive.find("manifest.json")) {
    const json list = parse(blobs.read(manifest->digest, kMaxManifest), "manifest.json");
    if (!list.is_array()) refuse_archive("manifest.json is not a list");
    for (const json& item : list) images.push_back(from_docker(item, archive, blobs));
    // Archives of dockerd's may have a layout beside it that lacks what they do not need.
    try {
      if (const auto* index = archive.find("index.json")) take_attestations(*index, archive, blobs, images);
    } catch (const Error&) {
    }
    return images;
  }
  if (const auto* index = archive.find("index.json")) {
    const auto parsed = parse_manifest(blobs.read(index->digest, kMaxManifest), media_type::kOciIndex);
    if (!std::holds_alternative<Index>(parsed)) refuse_archive("index.json is not an index");
    from_layout(std::get<Index>(parsed), 0, {}, archive, blobs, images);
    return images;
  }
  refuse_archive("it has neither manifest.json nor index.json");
}

}  // namespace gantry::images
