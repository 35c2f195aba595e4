#include "images/layer_pipeline.hpp"

#include <array>
#include <utility>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/compression.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

}  // namespace

/// What the registry driver writes to: the blob's file, then the queue.
class LayerPipeline::BlobSink final : public ByteSink {
 public:
  BlobSink(LayerPipeline& pipeline, BlobStore::Writer& writer, ByteQueue* queue)
      : pipeline_(pipeline), writer_(writer), queue_(queue) {}

  void write(std::span<const std::byte> bytes) override {
    const auto& blob = pipeline_.layer_.blob;
    if (writer_.size() + bytes.size() > blob.size) {
      throw Error{Errc::invalid, "blob " + blob.digest + " is larger than the " + std::to_string(blob.size) +
                                     " bytes that its manifest names"};
    }
    writer_.write(bytes);
    hand_on(bytes);
  }

  /// What an earlier attempt has brought.
  void replay() {
    Onward onward{*this};
    writer_.replay(onward);
  }

 private:
  class Onward final : public ByteSink {
   public:
    explicit Onward(BlobSink& to) : to_(to) {}
    void write(std::span<const std::byte> bytes) override { to_.hand_on(bytes); }

   private:
    BlobSink& to_;
  };

  void hand_on(std::span<const std::byte> bytes) {
    pipeline_.downloaded_ = writer_.size();
    if (queue_ != nullptr) queue_->write(bytes);
  }

  LayerPipeline& pipeline_;
  BlobStore::Writer& writer_;
  ByteQueue* queue_;
};

/// Counts what is inflated.
class LayerPipeline::CountedSource final : public ByteSource {
 public:
  CountedSource(ByteSource& source, std::atomic<std::uint64_t>& count) : source_(source), count_(count) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    count_ += got;
    return got;
  }

 private:
  ByteSource& source_;
  std::atomic<std::uint64_t>& count_;
};

/// Ends only if it has the digest that it must have.
class LayerPipeline::VerifiedSource final : public ByteSource {
 public:
  VerifiedSource(ByteSource& source, const std::string& digest) : source_(source), digest_(digest) {}
  std::size_t read(std::span<std::byte> buffer) override {
    if (ended_) return 0;
    const std::size_t got = source_.read(buffer);
    hash_.update(buffer.first(got));
    ended_ = got == 0;
    if (ended_ && hash_.digest() != digest_) {
      throw Error{Errc::invalid, "filesystem layer verification failed for digest " + digest_};
    }
    return got;
  }
  void discard() {
    std::vector<std::byte> buffer(kChunk);
    while (read(buffer) > 0) {
    }
  }

 private:
  ByteSource& source_;
  const std::string& digest_;
  Sha256 hash_;
  bool ended_{};
};

LayerPipeline::LayerPipeline(const BlobStore& blobs, Layer layer, std::function<void()> stop)
    : blobs_(blobs), layer_(std::move(layer)), stop_(std::move(stop)) {}

LayerPipeline::~LayerPipeline() {
  if (!inflating_.joinable()) return;
  const auto cancelled = std::make_exception_ptr(Error{Errc::cancelled, "context canceled"});
  compressed_.fail(cancelled);
  archive_.fail(cancelled);
  inflating_.join();
}

template <class Step>
void LayerPipeline::guarded(Step step) {
  try {
    step();
  } catch (...) {
    fail(std::current_exception());
    throw;
  }
}

void LayerPipeline::fail(std::exception_ptr error) noexcept {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    first = !error_;
    if (first) error_ = error;
  }
  compressed_.fail(error);
  archive_.fail(error);
  if (first && stop_) stop_();
}

std::exception_ptr LayerPipeline::error() const {
  const std::lock_guard lock{mutex_};
  return error_;
}

void LayerPipeline::inflate_download() {
  if (is_plain()) return;
  inflating_ = std::thread{[this] {
    try {
      inflate(compressed_);
    } catch (...) {
      fail(std::current_exception());
    }
  }};
}

void LayerPipeline::inflate_blob(bool is_new) {
  verified_ = true;
  downloaded_ = layer_.blob.size;
  from_store_ = true;
  is_new_ = is_new;
  if (is_plain()) return;
  inflating_ = std::thread{[this] {
    try {
      FileSource file{blobs_.open(layer_.blob.digest)};
      inflate(file);
    } catch (...) {
      fail(std::current_exception());
    }
  }};
}

void LayerPipeline::inflate(ByteSource& compressed) {
  CountedSource counted{compressed, extracted_};
  const auto plain = decompress(counted);
  std::vector<std::byte> buffer(kChunk);
  Sha256 hash;
  while (const std::size_t got = plain->read(buffer)) {
    const auto part = std::span{buffer}.first(got);
    hash.update(part);
    archive_.write(part);
  }
  // `compressed` ended, so its own digest was right.
  const std::string diff_id = hash.digest();
  if (diff_id != layer_.diff_id) {
    throw Error{Errc::invalid, "layer " + layer_.blob.digest + ": its content is " + diff_id +
                                   " but the image's config names " + layer_.diff_id};
  }
  archive_.finish();
}

void LayerPipeline::download(const Fetch& fetch) {
  guarded([&] { fetch_into(fetch, is_plain() ? &archive_ : &compressed_); });
}

void LayerPipeline::download_only(const Fetch& fetch) {
  guarded([&] { fetch_into(fetch, nullptr); });
}

BlobStore::Writer LayerPipeline::begin() const {
  if (!keeps_) return BlobStore::Writer{blobs_};
  return {blobs_, layer_.blob.digest, layer_.blob.size};
}

void LayerPipeline::fetch_into(const Fetch& fetch, ByteQueue* queue) {
  BlobStore::Writer writer = begin();
  BlobSink sink{*this, writer, queue};
  try {
    if (keeps_) sink.replay();
    fetch(sink, writer.size());
  } catch (...) {
    if (broke_off(std::current_exception())) writer.keep();
    throw;
  }
  writer.commit(layer_.blob.digest, layer_.blob.size);
  verified_ = true;
  if (queue != nullptr) queue->finish();
}

// Whether the transfer failed, and not what came by it.
bool LayerPipeline::broke_off(const std::exception_ptr& failure) const {
  const std::exception_ptr first = error();
  try {
    std::rethrow_exception(first ? first : failure);
  } catch (const Error& why) {
    return why.code() == Errc::io || why.code() == Errc::unavailable || why.code() == Errc::cancelled;
  } catch (...) {
    return false;
  }
}

void LayerPipeline::unpack(const std::function<void(ByteSource&)>& apply) {
  guarded([&] {
    if (is_plain() && from_store_) {
      FileSource file{blobs_.open(layer_.blob.digest)};
      CountedSource counted{file, extracted_};
      if (is_new_) return apply(counted);
      VerifiedSource verified{counted, layer_.blob.digest};
      apply(verified);
      return verified.discard();
    }
    if (is_plain()) {
      CountedSource counted{archive_, extracted_};
      apply(counted);
      return archive_.discard();
    }
    apply(archive_);
    // A driver that had the layer already did not read: the rest still has to be verified.
    archive_.discard();
  });
}

}  // namespace gantry::images
