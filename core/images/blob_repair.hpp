#pragma once

#include <map>
#include <string>
#include <vector>

#include "images/context.hpp"

/// Blobs whose files have changed since they came: a disk's or a stranger's doing. They are noticed when they are read,
/// and are then in the store no more, so that whoever brings the image again brings them too.
namespace gantry::images {

/// Whether the store has all of a blob, as its digest says. Blocks; reads all of it.
bool is_whole(const BlobStore& blobs, const Descriptor& blob);

/// Takes a damaged blob out of the store and says so. Errors: invalid, always.
[[noreturn]] void refuse_damaged(const BlobStore& blobs, const std::string& digest);

/// Refuses a blob that is not in the store in its full length. Errors: not_found, invalid.
void check_size(const BlobStore& blobs, const Descriptor& blob);

/// Reads a blob of the store. At its end it has all been right, or it is refused as damaged.
class WholeBlob final : public ByteSource {
 public:
  /// Errors: not_found; invalid (another size).
  WholeBlob(const BlobStore& blobs, Descriptor blob);
  std::size_t read(std::span<std::byte> buffer) override;

 private:
  const BlobStore& blobs_;
  const Descriptor blob_;
  FileSource file_;
  Sha256 hash_;
  bool checked_{};
};

/// Brings the blobs of layers that are unpacked, but in the store no more, from where `origins` says by their digests.
/// Errors: those of the registry, invalid.
awaitable<void> bring_missing(Context& context, const std::vector<LayerRecord>& layers,
                              const std::map<std::string, Origin>& origins, Cancel cancel);

}  // namespace gantry::images
