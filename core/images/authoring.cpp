#include "images/authoring.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/digest.hpp"
#include "fetch_process/fetch_process.hpp"
#include "gantry/error.hpp"
#include "images/clamped_times.hpp"
#include "images/compression.hpp"
#include "images/config_changes.hpp"
#include "images/fetched_archive.hpp"
#include "images/image_config.hpp"
#include "images/mount_stubs.hpp"
#include "images/platform.hpp"
#include "images/stream_bridge.hpp"

namespace gantry::images {
namespace {

using nlohmann::json;

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
TopLayer take_layer(ByteSource& source, const BlobStore& blobs) {
  BlobStore::Writer writer{blobs};
  Tee tee{source, writer};
  Sha256 hash;
  const auto plain = decompress(tee);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = plain->read(buffer)) hash.update(std::span{buffer}.first(got));
  TopLayer layer;
  layer.diff_id = hash.digest();
  layer.blob.size = writer.size();
  layer.blob.digest = writer.commit();
  layer.blob.media_type = layer.blob.digest == layer.diff_id ? media_type::kOciLayer : media_type::kOciLayerGzip;
  layer.is_new = true;
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

}  // namespace

awaitable<Record> keep_image(Context& context, Draft draft) {
  ImageRecord record;
  parse_image_config(draft.config_json, record.image);
  const Image& image = record.image;
  const std::set<std::string> kept{image.chain_ids.begin(), image.chain_ids.end()};
  const LayerStore::Pin pin{context.layers, kept};
  record.layers = std::move(draft.below);
  if (draft.top) {
    const Descriptor blob = draft.top->blob;
    std::vector<Layer> missing;
    missing.push_back(
        {blob, image.diff_ids.back(), image.chain_ids.back(), {image.chain_ids.begin(), image.chain_ids.end() - 1}});
    missing.back().is_new = draft.top->is_new;
    const std::vector<LayerRecord> records = co_await context.layers.unpack(missing);
    record.layers.push_back({blob, records.front().size});
  }
  record.image.names = std::move(draft.names);
  record.parent = std::move(draft.parent);
  if (!record.image.names.empty()) record.last_tagged = now();
  co_return context.catalog.put(std::move(record), draft.kind);
}

awaitable<std::optional<TopLayer>> pack_top(Context& context, storage::v1::Key top, TopKind kind,
                                            std::optional<std::int64_t> latest) {
  const plugins::CallSettings settings;
  const auto work = [writer = std::make_shared<BlobStore::Writer>(context.blobs), top, kind, latest](
                        auto& driver, const Call& call) -> std::optional<TopLayer> {
    std::vector<storage::v1::Change> changes;
    driver.changes(top, changes, call);
    std::set<std::string> stubs;
    if (kind == TopKind::container) stubs = forget_mount_stubs(changes);
    if (changes.empty()) return {};
    ClampedTimes clamped{std::clamp<std::int64_t>(latest.value_or(0), 0, ClampedTimes::kLatest), *writer};
    EntryFilter filter{stubs, latest ? static_cast<ByteSink&>(clamped) : *writer};
    driver.diff(top, filter, call);
    filter.finish();
    if (latest) clamped.finish();
    TopLayer made;
    made.blob.size = writer->size();
    made.diff_id = made.blob.digest = writer->commit();
    made.blob.media_type = media_type::kOciLayer;
    made.is_new = true;
    return made;
  };
  co_return co_await context.drivers.call(context.drivers.storage(), Pool::slow, settings, work);
}

std::string child_config(const Record& parent, const ChildStep& step) {
  const std::string created = format_rfc3339(step.created ? *step.created * 1'000'000'000 : now());
  json document = parent == nullptr ? json::object() : json::parse(parent->image.config_json);
  document["created"] = created;
  document["author"] = step.author;
  document["comment"] = step.comment;
  document["config"] = json::parse(step.config_object);
  if (!step.engine.empty()) document["docker_version"] = step.engine;
  if (parent == nullptr) {
    const Platform platform = step.platform.empty() ? host_platform() : parse_platform(step.platform);
    document["architecture"] = platform.architecture;
    document["os"] = platform.os;
    if (!platform.variant.empty()) document["variant"] = platform.variant;
    document["rootfs"] = {{"type", "layers"}, {"diff_ids", json::array()}};
  }
  json entry = history_entry(created, step.created_by, step.author, step.comment);
  if (step.top) {
    document["rootfs"]["diff_ids"].push_back(step.top->diff_id);
  } else {
    entry["empty_layer"] = true;
  }
  document["history"].push_back(std::move(entry));
  return document.dump();
}

awaitable<std::string> import_image(Context& context, ImportRequest request, UploadSource source, Report report,
                                    Cancel cancel) {
  const std::vector<std::string> names = name_of(request.repository, request.tag);
  ImageConfig config;
  apply_changes(config, request.changes);
  const Platform platform = request.platform.empty() ? host_platform() : parse_platform(request.platform);
  const LayerStore::Ingest ingest{context.layers};
  TopLayer layer;
  const BlobStore& blobs = context.blobs;
  const std::function<void(ByteSource&)> take = [&](ByteSource& upload) { layer = take_layer(upload, blobs); };
  if (request.source == "-") {
    co_await read_upload(context.workers, std::move(source), take);
  } else {
    request.source = full_address(request.source);
    co_await read_address(context, request.source, take, report, cancel);
    request.source = fetch_process::without_password(request.source);
  }
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
  Draft draft{document.dump(), {}, layer, names, ""};
  const Record record = co_await keep_image(context, std::move(draft));
  const std::string id = record->image.id;
  if (!names.empty()) publish(context, "tag", id, familiar(names.front()), record);
  publish(context, "import", id, id, record);
  report(status_line(id));
  co_return id;
}

awaitable<std::string> commit_image(Context& context, CommitRequest request) {
  const std::vector<std::string> names = name_of(request.repository, request.tag);
  const Record parent = request.parent.empty() ? nullptr : context.catalog.find_id(request.parent);
  const LayerStore::Ingest ingest{context.layers};
  const auto layer = co_await pack_top(context, request.top, TopKind::container);
  const ChildStep step{request.config_json, request.author, request.comment, request.created_by, layer, request.engine};
  Draft draft{child_config(parent, step), {}, layer, names, request.parent};
  if (parent != nullptr) draft.below = parent->layers;
  const Record record = co_await keep_image(context, std::move(draft));
  if (!names.empty()) publish(context, "tag", record->image.id, familiar(names.front()), record);
  co_return record->image.id;
}

}  // namespace gantry::images
