#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "images/background_task.hpp"
#include "images/catalog.hpp"
#include "images/file_range.hpp"
#include "images/layer_pipeline.hpp"
#include "images/slots.hpp"
#include "plugins/drivers.hpp"

namespace gantry::images {

/// Where a blob comes from: a registry, or a file of this host's.
struct Origin {
  registry::v1::Repository repository;
  registry::v1::Credentials credentials;
  std::optional<FileRange> file{};
};

/// One layer on its way into the storage driver. Shared by all pulls that want it; stops when the last of them leaves.
class LayerTransfer {
 public:
  LayerTransfer(Layer layer, std::optional<Origin> origin) : layer_(std::move(layer)), origin_(std::move(origin)) {}

  enum class Stage { waiting, downloading, extracting, complete };

  [[nodiscard]] const Layer& layer() const noexcept { return layer_; }
  [[nodiscard]] Stage stage() const noexcept;
  [[nodiscard]] std::uint64_t downloaded() const noexcept { return pipeline_ ? pipeline_->downloaded() : 0; }
  [[nodiscard]] std::uint64_t extracted() const noexcept { return pipeline_ ? pipeline_->extracted() : 0; }
  /// Once complete. The blob is another one than that of `layer` if the layer was there already.
  [[nodiscard]] const LayerRecord& outcome() const noexcept { return outcome_; }
  [[nodiscard]] bool done() const noexcept { return task_.done(); }
  awaitable<void> join() const { return task_.join(); }
  /// Returns when nothing of a cancelled transfer goes on any more; at once if others still want it.
  awaitable<void> wait_if_cancelled() const;
  /// Cancels the timer's wait when the transfer is done, until `forget`.
  void wake_when_done(asio::steady_timer& timer) { sleepers_.insert(&timer); }
  void forget(asio::steady_timer& timer) { sleepers_.erase(&timer); }

  /// One who waits. The transfer is cancelled when the last one goes before it is done.
  class Interest {
   public:
    explicit Interest(std::shared_ptr<LayerTransfer> transfer) : transfer_(std::move(transfer)) {
      ++transfer_->interests_;
    }
    Interest(Interest&&) noexcept = default;
    Interest& operator=(Interest&&) = delete;
    ~Interest() {
      if (transfer_ != nullptr && --transfer_->interests_ == 0) transfer_->cancel();
    }
    [[nodiscard]] LayerTransfer& operator*() const noexcept { return *transfer_; }
    [[nodiscard]] LayerTransfer* operator->() const noexcept { return transfer_.get(); }
    [[nodiscard]] std::shared_ptr<LayerTransfer> transfer() const { return transfer_; }

   private:
    std::shared_ptr<LayerTransfer> transfer_;
  };

 private:
  friend class LayerStore;
  void cancel() noexcept;
  void check() const;
  void wake();

  const Layer layer_;
  const std::optional<Origin> origin_;
  std::shared_ptr<plugins::CancelSource> stop_ = std::make_shared<plugins::CancelSource>();
  std::shared_ptr<LayerPipeline> pipeline_;
  BackgroundTask task_;
  std::set<asio::steady_timer*> sleepers_;
  LayerRecord outcome_;
  int interests_{};
};

/// Leaves all of `transfers` and waits for those that stop with it.
awaitable<void> leave(std::vector<LayerTransfer::Interest>& transfers);

/// Layers: which ones the storage driver has, those on their way, and who needs them. Io thread only.
class LayerStore {
 public:
  LayerStore(plugins::Drivers& drivers, Workers& workers, const BlobStore& blobs, const Catalog& catalog)
      : drivers_(drivers), workers_(workers), blobs_(blobs), catalog_(catalog) {}

  /// Asks the storage driver what it has; removes what no image has.
  awaitable<void> recover();

  [[nodiscard]] bool has(const std::string& chain_id) const { return present_.contains(chain_id); }

  /// Starts the transfer of a layer that is not there, or joins the one under way. Without an origin the blob is there.
  /// The layers below must be there or have been started.
  LayerTransfer::Interest transfer(const asio::any_io_executor& executor, Layer layer, std::optional<Origin> origin);

  /// Unpacks the layers that are not there, from their blobs, or, what is in no store yet, from where `origins` says by
  /// the blob's digest. Answers the record of each.
  awaitable<std::vector<LayerRecord>> unpack(std::vector<Layer> layers, std::map<std::string, Origin> origins = {},
                                             std::shared_ptr<plugins::CancelSource> cancel = {});

  /// Keeps layers and blobs from being collected while they belong to no image yet.
  class Pin {
   public:
    Pin(LayerStore& store, std::set<std::string> names);
    ~Pin();
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;

   private:
    LayerStore& store_;
    std::set<std::string> names_;
  };

  /// Keeps all blobs while some come whose digests are not known yet.
  class Ingest {
   public:
    explicit Ingest(LayerStore& store) : store_(store) { ++store_.ingests_; }
    ~Ingest() { --store_.ingests_; }
    Ingest(const Ingest&) = delete;
    Ingest& operator=(const Ingest&) = delete;

   private:
    LayerStore& store_;
  };

  /// Removes the layers and blobs that no image on record has and nobody has pinned; those of `first` before the
  /// others, in its order (a layer goes before those below it). Answers the chain IDs of what was removed.
  awaitable<std::vector<std::string>> collect(std::vector<std::string> first = {});

  void set_slots(std::size_t count) { slots_.resize(count); }

 private:
  awaitable<void> run(std::shared_ptr<LayerTransfer> transfer);
  /// Of a layer that is there.
  [[nodiscard]] LayerRecord record_of(const Layer& layer) const;
  awaitable<void> run_locked(std::shared_ptr<LayerTransfer> transfer);
  awaitable<void> bring(std::shared_ptr<LayerTransfer> transfer);
  /// Takes a blob out of the store that is not what its digest says. Answers whether there was one.
  awaitable<bool> discard_if_damaged(std::shared_ptr<LayerTransfer> transfer);
  awaitable<void> wait_for_parent(std::shared_ptr<LayerTransfer> transfer);
  awaitable<void> download_and_unpack(std::shared_ptr<LayerTransfer> transfer);
  awaitable<void> download(std::shared_ptr<LayerTransfer> transfer);
  awaitable<void> unpack_blob(std::shared_ptr<LayerTransfer> transfer, bool is_new);
  awaitable<void> fetch(std::shared_ptr<LayerTransfer> transfer, bool inflate);
  awaitable<void> fetch_from_registry(std::shared_ptr<LayerTransfer> transfer, bool inflate);
  awaitable<void> fetch_from_file(std::shared_ptr<LayerTransfer> transfer, bool inflate);
  awaitable<void> apply(std::shared_ptr<LayerTransfer> transfer);
  /// Whether it is the blob of a layer whose image is not on record yet.
  [[nodiscard]] bool is_fresh(const std::string& digest) const;
  [[nodiscard]] bool pinned(const std::string& name) const { return pins_.contains(name); }

  plugins::Drivers& drivers_;
  Workers& workers_;
  const BlobStore& blobs_;
  const Catalog& catalog_;
  Slots slots_{3};
  NamedMutexes locks_;
  NamedMutexes blob_locks_;  // apart: a plain base layer's chain ID is its blob's digest
  std::set<std::string> present_;
  std::map<std::string, LayerRecord> fresh_;  ///< Of the layers that came since the daemon's start.
  std::map<std::string, std::weak_ptr<LayerTransfer>> transfers_;
  std::map<std::string, int> pins_;
  int ingests_{};
};

}  // namespace gantry::images
