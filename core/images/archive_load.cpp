#include "images/archive_load.hpp"

#include <algorithm>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/archive_reader.hpp"
#include "images/attestation.hpp"
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
awaitable<std::vector<LayerRecord>> unpack_layers(Context& context, std::vector<Layer> layers, bool quiet,
                                                  Report report) {
  std::vector<LayerRecord> records(layers.size());
  std::vector<Layer> missing;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    const LayerRecord* known = context.catalog.find_layer(layers[at].chain_id);
    if (known != nullptr && context.layers.has(layers[at].chain_id)) {
      records[at] = *known;
      continue;
    }
    records[at].blob = layers[at].blob;
    missing.push_back(layers[at]);
    places.push_back(at);
    if (!quiet) report(progress_line("Loading layer", short_id(layers[at].diff_id), 0, layers[at].blob.size));
  }
  const std::vector<std::uint64_t> sizes = co_await context.layers.unpack(missing);
  for (std::size_t at = 0; at < places.size(); ++at) {
    records[places[at]].size = sizes[at];
    const std::uint64_t total = missing[at].blob.size;
    if (!quiet) report(progress_line("Loading layer", short_id(missing[at].diff_id), total, total));
  }
  co_return records;
}

awaitable<void> load_image(Context& context, ArchivedImage image, bool quiet, Report report) {
  ImageRecord record;
  parse_image_config(image.config, record.image);
  Manifest parts;
  parts.layers = image.layers;
  const std::vector<Layer> layers = layers_of(record.image, parts);
  const std::string id = record.image.id;
  const std::set<std::string> kept{record.image.chain_ids.begin(), record.image.chain_ids.end()};
  const LayerStore::Pin pin{context.layers, kept};
  record.layers = co_await unpack_layers(context, layers, quiet, report);
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

/// Reads the whole upload into the store and unpacks what it names.
awaitable<void> load_all(Context& context, UploadSource source, bool quiet, Report report, Cancel cancel) {
  const LayerStore::Ingest ingest{context.layers};
  std::vector<ArchivedImage> found;
  const BlobStore& blobs = context.blobs;
  const std::function<void(ByteSource&)> take = [&](ByteSource& upload) {
    found = find_images(read_archive(upload, blobs), blobs);
  };
  co_await read_upload(context.workers, std::move(source), take);
  for (ArchivedImage& image : found) {
    if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    co_await load_image(context, std::move(image), quiet, report);
  }
}

}  // namespace

awaitable<void> load_archive(Context& context, UploadSource source, bool quiet, Report report, Cancel cancel) {
  std::exception_ptr error;
  try {
    co_await load_all(context, std::move(source), quiet, std::move(report), std::move(cancel));
  } catch (...) {
    error = std::current_exception();
  }
  // The archive's own files, and whatever a failure left.
  co_await context.layers.collect();
  if (error) std::rethrow_exception(error);
}

}  // namespace gantry::images
