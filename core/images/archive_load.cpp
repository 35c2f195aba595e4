#include "images/archive_load.hpp"

#include <malloc.h>

#include <algorithm>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/archive_reader.hpp"
#include "images/attestation.hpp"
#include "images/blob_repair.hpp"
#include "images/early_layers.hpp"
#include "images/image_config.hpp"
#include "images/pull.hpp"
#include "images/stream_bridge.hpp"

namespace gantry::images {
namespace {

wire::ProgressMessage text_line(std::string text) {
  wire::ProgressMessage line;
  line.stream = std::move(text);
  return line;
}

/// Unpacks the layers that are not there; answers the records of all.
awaitable<std::vector<LayerRecord>> unpack_layers(Context& context, std::vector<Layer> layers,
                                                  std::map<std::string, Origin> origins, bool quiet, Report report,
                                                  Cancel cancel) {
  std::vector<LayerRecord> records(layers.size());
  std::vector<Layer> missing;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    const LayerRecord* known = context.catalog.find_layer(layers[at].chain_id);
    if (known != nullptr && context.layers.has(layers[at].chain_id)) {
      records[at] = *known;
      continue;
    }
    missing.push_back(layers[at]);
    missing.back().is_new = !origins.contains(layers[at].blob.digest);
    places.push_back(at);
    if (!quiet) report(progress_line("Loading layer", short_id(layers[at].diff_id), 0, layers[at].blob.size));
  }
  const std::vector<LayerRecord> unpacked = co_await context.layers.unpack(missing, origins, cancel);
  for (std::size_t at = 0; at < places.size(); ++at) {
    records[places[at]] = unpacked[at];
    const std::uint64_t total = missing[at].blob.size;
    if (!quiet) report(progress_line("Loading layer", short_id(missing[at].diff_id), total, total));
  }
  co_return co_await bring_missing(context, records, layers, origins, cancel);
}

awaitable<void> load_image(Context& context, ArchivedImage image, ImageRecord record,
                           std::map<std::string, Origin> origins, bool quiet, Report report, Cancel cancel) {
  Manifest parts;
  parts.layers = image.layers;
  const std::vector<Layer> layers = layers_of(record.image, parts);
  const std::string id = record.image.id;
  const std::set<std::string> kept{record.image.chain_ids.begin(), record.image.chain_ids.end()};
  const LayerStore::Pin pin{context.layers, kept};
  record.layers = co_await unpack_layers(context, layers, std::move(origins), quiet, report, cancel);
  record.manifest = image.manifest;
  if (!image.attestation.index.content.empty()) {
    try {
      check_is_about(record.layers, parts.layers);
      record.attestation = image.attestation;
    } catch (const Error& error) {
      report(text_line(std::string{"The attestation is left out: "} + error.what() + "\n"));
    }
  }
  record.image.names = image.names;
  if (!image.names.empty()) record.last_tagged = now();
  for (const std::string& name : image.names) {
    const Record old = context.catalog.find_name(name);
    if (old == nullptr || old->image.id == id) continue;
    report(text_line("The image " + familiar(name) + " already exists, renaming the old one with ID " + old->image.id +
                     " to empty string\n"));
  }
  const Record kept_record = context.catalog.put(std::move(record));
  publish(context, "load", id, id, kept_record);
  if (image.names.empty()) report(text_line("Loaded image ID: " + id + "\n"));
  for (const std::string& name : image.names) report(text_line("Loaded image: " + familiar(name) + "\n"));
}

/// Where the layers are that are still in the archive alone.
std::map<std::string, Origin> origins_in(const ArchiveFiles& archive) {
  std::map<std::string, Origin> origins;
  for (const auto& [digest, range] : archive.expected()) origins[digest].file = range;
  return origins;
}

using Found = std::vector<ArchivedImage>;

awaitable<Found> find_in_file(Context& context, std::shared_ptr<const UniqueFd> file, ArchiveFiles& archive,
                              std::optional<Platform> platform) {
  const auto take = [&] {
    archive.read(file);
    return find_images(archive, platform);
  };
  co_return co_await context.workers.run(Pool::slow, take);
}

awaitable<Found> find_in_stream(Context& context, UploadSource upload, ArchiveFiles& archive,
                                std::optional<Platform> platform) {
  Found found;
  const std::function<void(ByteSource&)> take = [&](ByteSource& source) {
    archive.read(source);
    found = find_images(archive, platform);
  };
  co_await read_upload(context.workers, std::move(upload), take);
  co_return found;
}

/// Reads what the archive has into the store, and unpacks what it names.
awaitable<void> take_images(Context& context, ArchiveSource source, std::shared_ptr<EarlyLayers> early, bool quiet,
                            Report report, Cancel cancel) {
  ArchiveFiles archive{context.blobs, [early](const ArchiveFiles::File& file) { early->take(file); }, cancel};
  Found found;
  if (source.file != nullptr) {
    found = co_await find_in_file(context, source.file, archive, source.platform);
  } else {
    found = co_await find_in_stream(context, std::move(source.upload), archive, source.platform);
  }
  const std::map<std::string, Origin> origins = origins_in(archive);
  bool any = false;
  for (ArchivedImage& image : found) {
    if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    ImageRecord record;
    parse_image_config(image.config, record.image);
    const Platform actual{record.image.os, record.image.architecture, record.image.variant};
    if (source.platform && !same_platform(*source.platform, actual)) continue;
    any = true;
    co_await load_image(context, std::move(image), std::move(record), origins, quiet, report, cancel);
  }
  if (source.platform && !any) {
    throw Error{Errc::not_found,
                "the archive has no image for the specified platform (" + source.platform->str() + ")"};
  }
}

awaitable<void> load_all(Context& context, ArchiveSource source, bool quiet, Report report, Cancel cancel) {
  const LayerStore::Ingest ingest{context.layers};
  const auto early = std::make_shared<EarlyLayers>(context, co_await asio::this_coro::executor);
  std::exception_ptr error;
  try {
    co_await take_images(context, std::move(source), early, quiet, std::move(report), std::move(cancel));
  } catch (...) {
    error = std::current_exception();
  }
  co_await early->leave();
  if (error) std::rethrow_exception(error);
}

}  // namespace

awaitable<void> load_archive(Context& context, ArchiveSource source, bool quiet, Report report, Cancel cancel) {
  std::exception_ptr error;
  try {
    co_await load_all(context, std::move(source), quiet, std::move(report), std::move(cancel));
  } catch (...) {
    error = std::current_exception();
  }
  // The archive's own files, and whatever a failure left.
  co_await context.layers.collect();
  // Of a hundred thousand entries: what is free goes back to the kernel.
  ::malloc_trim(0);
  if (error) std::rethrow_exception(error);
}

}  // namespace gantry::images
