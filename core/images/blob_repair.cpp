#include "images/blob_repair.hpp"

#include <utility>

#include "gantry/error.hpp"
#include "images/attestation.hpp"
#include "images/compression.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kRepairPiece = std::size_t{256} << 10;

void stop_if_cancelled(const Cancel& cancel) {
  if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

void copy_blob(const BlobStore& blobs, const Descriptor& blob, const FileRange& range, const Cancel& cancel) {
  BlobStore::Writer writer{blobs};
  RangeSource source{range};
  std::vector<std::byte> buffer(kRepairPiece);
  while (const std::size_t got = source.read(buffer)) {
    stop_if_cancelled(cancel);
    writer.write(std::span{buffer}.first(got));
  }
  writer.commit(blob.digest, blob.size);
}

}  // namespace

bool is_whole(const BlobStore& blobs, const std::string& digest, const Cancel& cancel) {
  FileSource file{blobs.open(digest)};
  Sha256 hash;
  std::vector<std::byte> buffer(kRepairPiece);
  for (;;) {
    stop_if_cancelled(cancel);
    std::size_t got = 0;
    try {
      got = file.read(buffer);
    } catch (const std::exception&) {
      return false;  // A disk that cannot give it back has lost it.
    }
    if (got == 0) return hash.digest() == digest;
    hash.update(std::span{buffer}.first(got));
  }
}

void refuse_damaged(const BlobStore& blobs, const std::string& digest) {
  const std::filesystem::path aside = blobs.set_aside(digest);
  std::error_code gone;
  if (!aside.empty()) std::filesystem::remove(aside, gone);
  throw Error{Errc::invalid, "the stored blob " + digest +
                                 " is damaged and has been removed: pull or load its image again to have it back"};
}

void check_size(const BlobStore& blobs, const Descriptor& blob, const Cancel& cancel) {
  if (blobs.has(blob.digest, blob.size)) return;
  if (!blobs.has(blob.digest)) {
    throw Error{Errc::not_found, "blob " + blob.digest + " is not in the store: pull or load its image again"};
  }
  // The length that is asked for is somebody else's word, and no reason to remove a blob that others have, too.
  if (!is_whole(blobs, blob.digest, cancel)) refuse_damaged(blobs, blob.digest);
  throw Error{Errc::invalid, "the stored blob " + blob.digest + " has " + std::to_string(blobs.size(blob.digest)) +
                                 " bytes, and not the " + std::to_string(blob.size) + " that its image names"};
}

awaitable<void> check_size(Context& context, Descriptor blob, Cancel cancel) {
  const BlobStore& blobs = context.blobs;
  if (blobs.has(blob.digest, blob.size)) co_return;
  const auto look = [&blobs, &blob, &cancel] { check_size(blobs, blob, cancel); };
  co_await context.workers.run(Pool::slow, look);
}

WholeBlob::WholeBlob(const BlobStore& blobs, Descriptor blob)
    : blobs_(blobs), blob_(std::move(blob)), file_(blobs.open(blob_.digest)) {
  check_size(blobs_, blob_, nullptr);
}

std::size_t WholeBlob::read(std::span<std::byte> buffer) {
  if (buffer.empty()) return 0;  // which is not the end
  const std::size_t got = file_.read(buffer);
  const std::uint64_t end = at_ + got;
  const bool ended = got == 0 && at_ <= hashed_;
  if (at_ <= hashed_ && hashed_ < end) {
    hash_.update(buffer.first(got).subspan(hashed_ - at_));
    hashed_ = end;
  }
  at_ = end;
  if (hashed_ < blob_.size && !ended) return got;
  if (!is_right_) is_right_ = hash_.digest() == blob_.digest;
  if (!*is_right_) refuse_damaged(blobs_, blob_.digest);
  return got;
}

void WholeBlob::seek(std::uint64_t offset) {
  file_.seek(offset);
  at_ = offset;
}

namespace {

/// That a blob is a layer's is the word of a manifest, and anybody can write one.
void check_content(const BlobStore& blobs, const Layer& layer, const Cancel& cancel) {
  WholeBlob file{blobs, layer.blob};
  const auto plain = decompress(file);
  Sha256 hash;
  std::vector<std::byte> buffer(kRepairPiece);
  while (const std::size_t got = plain->read(buffer)) {
    stop_if_cancelled(cancel);
    hash.update(std::span{buffer}.first(got));
  }
  const std::string diff_id = hash.digest();
  if (diff_id == layer.diff_id) return;
  throw Error{Errc::invalid, "layer " + layer.blob.digest + ": its content is " + diff_id +
                                 " but the image's config names " + layer.diff_id};
}

/// Answers whether it is there now.
awaitable<bool> bring_blob(Context& context, Descriptor blob, std::optional<Origin> origin, Cancel cancel) {
  if (context.blobs.has(blob.digest, blob.size)) co_return true;
  if (!origin) co_return false;
  if (!origin->file) {
    co_await get_blob(context, *origin, blob, cancel);
    co_return true;
  }
  const BlobStore& blobs = context.blobs;
  const FileRange range = *origin->file;
  const auto copy = [&blobs, &blob, &range, &cancel] { copy_blob(blobs, blob, range, cancel); };
  co_await context.workers.run(Pool::slow, copy);
  co_return true;
}

}  // namespace

awaitable<std::vector<LayerRecord>> bring_missing(Context& context, std::vector<LayerRecord> layers,
                                                  std::vector<Layer> offered, std::map<std::string, Origin> origins,
                                                  Cancel cancel) {
  // What comes is nobody's until it is on record.
  const LayerStore::Ingest ingest{context.layers};
  const auto origin_of = [&origins](const Descriptor& blob) {
    const auto found = origins.find(blob.digest);
    return found == origins.end() ? std::nullopt : std::optional<Origin>{found->second};
  };
  for (std::size_t at = 0; at < layers.size(); ++at) {
    const Descriptor lost = layers[at].blob;
    if (context.blobs.has(lost.digest, lost.size)) continue;
    const std::optional<Origin> origin = origin_of(lost);
    const bool came = co_await bring_blob(context, lost, origin, cancel);
    if (came) continue;
    // The layer is here as another blob than there: as it was loaded, committed or compressed.
    const Layer layer = offered[at];
    const std::optional<Origin> other = origin_of(layer.blob);
    const bool other_came = co_await bring_blob(context, layer.blob, other, cancel);
    if (!other_came) continue;
    const BlobStore& blobs = context.blobs;
    const auto look = [&blobs, &layer, &cancel] { check_content(blobs, layer, cancel); };
    co_await context.workers.run(Pool::slow, look);
    layers[at].blob = layer.blob;
    context.catalog.replace_blob(layer.chain_id, lost.digest, layer.blob);
  }
  co_return layers;
}

}  // namespace gantry::images
