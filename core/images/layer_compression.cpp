#include "images/layer_compression.hpp"

#include "gantry/error.hpp"
#include "images/blob_repair.hpp"

namespace gantry::images {
namespace {

Compression compression_of(const Descriptor& layer) {
  if (layer.media_type == media_type::kOciLayer) return Compression::none;
  return layer.media_type == media_type::kOciLayerZstd ? Compression::zstd : Compression::gzip;
}

std::string_view media_type_of(Compression compression) {
  if (compression == Compression::none) return media_type::kOciLayer;
  return compression == Compression::zstd ? media_type::kOciLayerZstd : media_type::kOciLayerGzip;
}

bool has_form(const Descriptor& layer, const LayerForm& form) {
  const Compression now = compression_of(layer);
  return now == form.compression || (now != Compression::none && !form.every);
}

}  // namespace

Descriptor form_layer(const BlobStore& blobs, const Descriptor& layer, const LayerForm& form, const Cancel& stop) {
  if (has_form(layer, form)) return layer;
  BlobStore::Writer writer{blobs};
  const auto packed = compressing_sink(writer, form);
  WholeBlob file{blobs, layer};
  const auto plain = decompress(file);
  std::vector<std::byte> buffer(std::size_t{256} << 10);
  while (const std::size_t got = plain->read(buffer)) {
    if (stop != nullptr && stop->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    packed->write(std::span{buffer}.first(got));
  }
  packed->finish();
  Descriptor blob;
  blob.media_type = media_type_of(form.compression);
  blob.size = writer.size();
  blob.digest = writer.commit();
  return blob;
}

awaitable<Record> form_layers(Context& context, Record record, LayerForm form, Cancel cancel) {
  std::vector<LayerRecord> layers = record->layers;
  bool any = false;
  for (LayerRecord& layer : layers) {
    if (has_form(layer.blob, form)) continue;
    const BlobStore& blobs = context.blobs;
    const auto work = [&blobs, form, now = layer.blob, cancel] { return form_layer(blobs, now, form, cancel); };
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
