#include "images/blob_repair.hpp"

#include <utility>

#include "gantry/error.hpp"
#include "images/attestation.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kRepairPiece = std::size_t{256} << 10;

void copy_blob(const BlobStore& blobs, const Descriptor& blob, const FileRange& range, const Cancel& cancel) {
  BlobStore::Writer writer{blobs};
  RangeSource source{range};
  std::vector<std::byte> buffer(kRepairPiece);
  while (const std::size_t got = source.read(buffer)) {
    if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    writer.write(std::span{buffer}.first(got));
  }
  writer.commit(blob.digest, blob.size);
}

}  // namespace

bool is_whole(const BlobStore& blobs, const Descriptor& blob) {
  if (!blobs.has(blob.digest, blob.size)) return false;
  FileSource file{blobs.open(blob.digest)};
  Sha256 hash;
  std::vector<std::byte> buffer(kRepairPiece);
  try {
    while (const std::size_t got = file.read(buffer)) hash.update(std::span{buffer}.first(got));
  } catch (const std::exception&) {
    return false;  // A disk that cannot give it back has lost it.
  }
  return hash.digest() == blob.digest;
}

void refuse_damaged(const BlobStore& blobs, const std::string& digest) {
  const std::filesystem::path aside = blobs.set_aside(digest);
  std::error_code gone;
  if (!aside.empty()) std::filesystem::remove(aside, gone);
  throw Error{Errc::invalid, "the stored blob " + digest +
                                 " is damaged and has been removed: pull or load its image again to have it back"};
}

void check_size(const BlobStore& blobs, const Descriptor& blob) {
  if (blobs.has(blob.digest, blob.size)) return;
  if (blobs.has(blob.digest)) refuse_damaged(blobs, blob.digest);
  throw Error{Errc::not_found, "blob " + blob.digest + " is not in the store: pull or load its image again"};
}

WholeBlob::WholeBlob(const BlobStore& blobs, Descriptor blob)
    : blobs_(blobs), blob_(std::move(blob)), file_(blobs.open(blob_.digest)) {
  check_size(blobs_, blob_);
}

std::size_t WholeBlob::read(std::span<std::byte> buffer) {
  const std::size_t got = file_.read(buffer);
  if (got > 0) {
    hash_.update(buffer.first(got));
  } else if (!std::exchange(checked_, true) && hash_.digest() != blob_.digest) {
    refuse_damaged(blobs_, blob_.digest);
  }
  return got;
}

awaitable<void> bring_missing(Context& context, const std::vector<LayerRecord>& layers,
                              const std::map<std::string, Origin>& origins, Cancel cancel) {
  for (const LayerRecord& layer : layers) {
    const Descriptor blob = layer.blob;
    const auto origin = origins.find(blob.digest);
    if (origin == origins.end() || context.blobs.has(blob.digest, blob.size)) continue;
    if (origin->second.file) {
      const BlobStore& blobs = context.blobs;
      const FileRange range = *origin->second.file;
      const auto copy = [&blobs, &blob, &range, &cancel] { copy_blob(blobs, blob, range, cancel); };
      co_await context.workers.run(Pool::slow, copy);
    } else {
      co_await get_blob(context, origin->second, blob, cancel);
    }
  }
}

}  // namespace gantry::images
