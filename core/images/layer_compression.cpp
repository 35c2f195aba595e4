#include "images/layer_compression.hpp"

#include "gantry/error.hpp"
#include "images/blob_repair.hpp"
#include "images/compression.hpp"

namespace gantry::images {

Descriptor compress_layer(const BlobStore& blobs, const Descriptor& plain, const Cancel& stop) {
  BlobStore::Writer writer{blobs};
  GzipSink gzip{writer};
  WholeBlob file{blobs, plain};
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = file.read(buffer)) {
    if (stop != nullptr && stop->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    gzip.write(std::span{buffer}.first(got));
  }
  gzip.finish();
  Descriptor blob;
  blob.media_type = media_type::kOciLayerGzip;
  blob.size = writer.size();
  blob.digest = writer.commit();
  return blob;
}

awaitable<Record> compress_layers(Context& context, Record record, Cancel cancel) {
  std::vector<LayerRecord> layers = record->layers;
  bool any = false;
  for (LayerRecord& layer : layers) {
    if (layer.blob.media_type != media_type::kOciLayer) continue;
    const BlobStore& blobs = context.blobs;
    const auto work = [&blobs, plain = layer.blob, cancel] { return compress_layer(blobs, plain, cancel); };
    layer.blob = co_await context.workers.run(Pool::slow, work);
    any = true;
  }
  if (!any) co_return record;
  // Names may have changed meanwhile; layers never do.
  const Record now_known = context.catalog.find_id(record->image.id);
  if (now_known == nullptr) throw_no_such_image(record->image.id);
  ImageRecord fresh = *now_known;
  fresh.layers = layers;
  context.catalog.replace(std::move(fresh));
  co_return context.catalog.find_id(record->image.id);
}

}  // namespace gantry::images
