#include "images/authoring.hpp"

#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/compression.hpp"
#include "images/config_changes.hpp"
#include "images/image_config.hpp"
#include "images/platform.hpp"
#include "images/stream_bridge.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

/// A layer that has just come into the blob store.
struct NewLayer {
  Descriptor blob;
  std::string diff_id;
};

/// Hands on what it reads, and writes it into a blob.
class Tee final : public ByteSource {
 public:
  Tee(ByteSource& source, BlobStore::Writer& copy) : source_(source), copy_(copy) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    copy_.write(buffer.first(got));
    return got;
  }

 private:
  ByteSource& source_;
  BlobStore::Writer& copy_;
};

/// Keeps the archive as it comes, plain or compressed.
NewLayer take_layer(ByteSource& source, const BlobStore& blobs) {
  BlobStore::Writer writer{blobs};
  Tee tee{source, writer};
  Sha256 hash;
  const auto plain = decompress(tee);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = plain->read(buffer)) hash.update(std::span{buffer}.first(got));
  NewLayer layer;
  layer.diff_id = hash.digest();
  layer.blob.size = writer.size();
  layer.blob.digest = writer.commit();
  layer.blob.media_type = layer.blob.digest == layer.diff_id ? media_type::kOciLayer : media_type::kOciLayerGzip;
  return layer;
}

json history_entry(const std::string& created, const std::string& created_by, const std::string& author,
                   const std::string& comment) {
  json entry{{"created", created}};
  if (!created_by.empty()) entry["created_by"] = created_by;
  if (!author.empty()) entry["author"] = author;
  if (!comment.empty()) entry["comment"] = comment;
  return entry;
}

std::vector<std::string> name_of(const std::string& repository, const std::string& tag) {
  if (repository.empty()) return {};
  const Reference reference = parse_reference(repository);
  if (!reference.digest.empty()) throw Error{Errc::invalid, "cannot import digest reference"};
  return {(tag.empty() ? reference : reference.with_tag(tag)).with_default_tag().str()};
}

/// Unpacks the new top layer and puts the image on record.
awaitable<Record> keep_image(Context& context, std::string config_json, std::vector<LayerRecord> layers,
                             Descriptor blob, std::vector<std::string> names, std::string parent) {
  ImageRecord record;
  parse_image_config(config_json, record.image);
  const Image& image = record.image;
  const std::set<std::string> kept{image.chain_ids.begin(), image.chain_ids.end()};
  const LayerStore::Pin pin{context.layers, kept};
  std::vector<Layer> missing;
  missing.push_back(
      {blob, image.diff_ids.back(), image.chain_ids.back(), {image.chain_ids.begin(), image.chain_ids.end() - 1}});
  const std::vector<std::uint64_t> sizes = co_await context.layers.unpack(missing);
  record.layers = std::move(layers);
  record.layers.push_back({blob, sizes.front()});
  record.image.names = std::move(names);
  record.parent = std::move(parent);
  if (!record.image.names.empty()) record.last_tagged = now();
  co_return context.catalog.put(std::move(record));
}

}  // namespace

awaitable<std::string> import_image(Context& context, ImportRequest request, UploadSource source, Report report,
                                    Cancel cancel) {
  const std::vector<std::string> names = name_of(request.repository, request.tag);
  ImageConfig config;
  apply_changes(config, request.changes);
  const Platform platform = request.platform.empty() ? host_platform() : parse_platform(request.platform);
  const LayerStore::Ingest ingest{context.layers};
  NewLayer layer;
  const BlobStore& blobs = context.blobs;
  const std::function<void(ByteSource&)> take = [&](ByteSource& upload) { layer = take_layer(upload, blobs); };
  co_await read_upload(context.workers, std::move(source), take);
  if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
  const std::string created = format_rfc3339(now());
  const std::string comment = request.message.empty() ? "Imported from " + request.source : request.message;
  json document{{"created", created},
                {"comment", comment},
                {"config", json::parse(config_object(config))},
                {"architecture", platform.architecture},
                {"os", platform.os},
                {"history", {history_entry(created, "", "", comment)}},
                {"rootfs", {{"type", "layers"}, {"diff_ids", {layer.diff_id}}}}};
  if (!platform.variant.empty()) document["variant"] = platform.variant;
  const Record record = co_await keep_image(context, document.dump(), {}, layer.blob, names, "");
  const std::string id = record->image.id;
  publish(context, "import", id, id, record);
  report(status_line(id));
  co_return id;
}

awaitable<std::string> commit_image(Context& context, CommitRequest request) {
  const std::vector<std::string> names = name_of(request.repository, request.tag);
  const Record parent = request.parent.empty() ? nullptr : context.catalog.find_id(request.parent);
  const LayerStore::Ingest ingest{context.layers};
  const plugins::CallSettings settings;
  const auto work = [writer = std::make_shared<BlobStore::Writer>(context.blobs), top = request.top](auto& driver,
                                                                                                     const Call& call) {
    driver.diff(top, *writer, call);
    NewLayer made;
    made.blob.size = writer->size();
    made.diff_id = made.blob.digest = writer->commit();
    made.blob.media_type = media_type::kOciLayer;
    return made;
  };
  const NewLayer layer = co_await context.drivers.call(context.drivers.storage(), Pool::slow, settings, work);
  const std::string created = format_rfc3339(now());
  json document = parent == nullptr ? json::object() : json::parse(parent->image.config_json);
  document["created"] = created;
  document["author"] = request.author;
  document["comment"] = request.comment;
  document["config"] = json::parse(request.config_json);
  if (parent == nullptr) {
    const Platform platform = host_platform();
    document["architecture"] = platform.architecture;
    document["os"] = platform.os;
    document["rootfs"] = {{"type", "layers"}, {"diff_ids", json::array()}};
  }
  document["history"].push_back(history_entry(created, request.created_by, request.author, request.comment));
  document["rootfs"]["diff_ids"].push_back(layer.diff_id);
  std::vector<LayerRecord> below = parent == nullptr ? std::vector<LayerRecord>{} : parent->layers;
  const std::string parent_id = request.parent;
  const Record record = co_await keep_image(context, document.dump(), std::move(below), layer.blob, names, parent_id);
  if (!names.empty()) publish(context, "tag", record->image.id, familiar(names.front()), record);
  co_return record->image.id;
}

}  // namespace gantry::images
