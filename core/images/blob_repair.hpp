#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "images/context.hpp"

/// Blobs whose files have changed since they came: a disk's or a stranger's doing. They are noticed when they are read,
/// and are then in the store no more, so that whoever brings the image again brings them too.
namespace gantry::images {

/// Whether a blob of the store is what its digest says; how long it should be, a manifest may say wrongly. Blocks;
/// reads all of it. Errors: not_found, cancelled.
bool is_whole(const BlobStore& blobs, const std::string& digest, const Cancel& cancel);

/// Takes a damaged blob out of the store and says so. Errors: invalid, always.
[[noreturn]] void refuse_damaged(const BlobStore& blobs, const std::string& digest);

/// Refuses a blob that is not in the store, or of another length; one of those is read, and taken out of the store if
/// it is damaged. Blocks for that. Errors: not_found, invalid, cancelled.
void check_size(const BlobStore& blobs, const Descriptor& blob, const Cancel& cancel);
/// The same for the io thread.
awaitable<void> check_size(Context& context, Descriptor blob, Cancel cancel);

/// Reads a blob of the store. Before its last bytes are given away it is refused if it is damaged. What is read again
/// after a `seek` was looked at the first time.
class WholeBlob final : public SeekableSource {
 public:
  /// Errors: not_found; invalid (another size).
  WholeBlob(const BlobStore& blobs, Descriptor blob);
  std::size_t read(std::span<std::byte> buffer) override;
  void seek(std::uint64_t offset) override;

 private:
  const BlobStore& blobs_;
  const Descriptor blob_;
  FileSource file_;
  Sha256 hash_;
  std::uint64_t at_{};
  std::uint64_t hashed_{};  ///< How much of it from the start.
  std::optional<bool> is_right_;
};

/// Brings the blobs of layers that are unpacked, but in the store no more, from where `origins` says by their digests.
/// `offered` are the same layers as they can be had: where that is another blob of the same content, it takes the
/// place of the lost one in all records. Answers the layers' own. Errors: those of the registry, invalid.
awaitable<std::vector<LayerRecord>> bring_missing(Context& context, std::vector<LayerRecord> layers,
                                                  std::vector<Layer> offered, std::map<std::string, Origin> origins,
                                                  Cancel cancel);

}  // namespace gantry::images
