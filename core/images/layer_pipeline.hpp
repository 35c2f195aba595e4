#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gantry/registry.hpp"
#include "gantry/stream.hpp"
#include "images/blob_store.hpp"
#include "images/byte_queue.hpp"

namespace gantry::images {

/// A layer as the storage driver and the registry know it.
struct Layer {
  registry::v1::Descriptor blob;
  std::string diff_id;
  std::string chain_id;
  std::vector<std::string> parents;  ///< Chain IDs, base first.
  /// Whoever wants it has just written its blob into the store, and digested it on that way.
  bool is_new{};
};

/// The way of one layer, each byte once: socket -> digest and blob file -> queue -> inflate -> diff ID -> queue ->
/// unpack. The digest of a plain blob is the diff ID, so such a one goes from `download`'s queue to `unpack`, and is
/// not digested again; nor is one out of the store that has just been written. An older one may have been damaged.
///
/// `download` (or, for a blob that is there, nothing), the inflating and `unpack` run at the same time on threads of
/// their own. The unpacking side sees the end of the archive only when both digests are right; the first failure of any
/// side is seen by all, and nothing of the layer stays but the beginning of a blob whose
/// transfer broke off.
class LayerPipeline {
 public:
  /// `stop` is called once, from any thread, when one side fails: it cancels the driver calls of the others.
  LayerPipeline(const BlobStore& blobs, Layer layer, std::function<void()> stop);
  /// Ends the inflating thread.
  ~LayerPipeline();
  LayerPipeline(const LayerPipeline&) = delete;
  LayerPipeline& operator=(const LayerPipeline&) = delete;

  /// Starts to inflate what `download` brings.
  void inflate_download();
  /// Starts to inflate the blob of the store, which has been verified when it came there: just now, if it `is_new`.
  void inflate_blob(bool is_new);

  /// Writes all of a blob from a byte on to the sink.
  using Fetch = std::function<void(ByteSink&, std::uint64_t offset)>;

  /// Brings the blob, from where an earlier attempt that broke off has stopped. Returns when it is verified and in the
  /// store. What came of a transfer that breaks off stays for the next attempt.
  void download(const Fetch& fetch);
  /// The same without inflating: only the blob is wanted.
  void download_only(const Fetch& fetch);
  /// What comes from this host comes at once or never: nothing is kept of an attempt that broke off.
  void keep_nothing() { keeps_ = false; }

  /// Reads the tar stream: `apply` reads the source to its end.
  void unpack(const std::function<void(ByteSource&)>& apply);

  void fail(std::exception_ptr error) noexcept;
  /// What went wrong first, on whichever side.
  [[nodiscard]] std::exception_ptr error() const;

  [[nodiscard]] const Layer& layer() const noexcept { return layer_; }
  [[nodiscard]] std::uint64_t downloaded() const noexcept { return downloaded_; }
  [[nodiscard]] bool verified() const noexcept { return verified_; }
  /// Compressed bytes that went through the inflating.
  [[nodiscard]] std::uint64_t extracted() const noexcept { return extracted_; }

 private:
  class BlobSink;
  class CountedSource;
  class VerifiedSource;
  /// Of a blob whose content is the layer's archive: anything else would have another digest than the diff ID.
  [[nodiscard]] bool is_plain() const { return layer_.blob.digest == layer_.diff_id; }
  void fetch_into(const Fetch& fetch, ByteQueue* queue);
  [[nodiscard]] BlobStore::Writer begin() const;
  [[nodiscard]] bool broke_off(const std::exception_ptr& failure) const;
  void inflate(ByteSource& compressed);
  template <class Step>
  void guarded(Step step);

  const BlobStore& blobs_;
  const Layer layer_;
  const std::function<void()> stop_;
  ByteQueue compressed_;
  ByteQueue archive_;
  std::atomic<std::uint64_t> downloaded_{};
  std::atomic<std::uint64_t> extracted_{};
  std::atomic<bool> verified_{};
  mutable std::mutex mutex_;
  std::exception_ptr error_;
  std::thread inflating_;
  bool from_store_{};
  bool is_new_{};
  bool keeps_{true};
};

}  // namespace gantry::images
