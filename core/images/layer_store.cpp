#include "images/layer_store.hpp"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "images/blob_repair.hpp"

namespace gantry::images {

namespace {

/// Stays in the processor's cache from the digest to the blob's file.
constexpr std::size_t kFilePiece = std::size_t{256} << 10;
/// How often a wait looks whether it is wanted.
constexpr std::chrono::milliseconds kCancelTick{100};

/// Of one who has gone away: if the layer was done before, it is there, and `collect` must know of it.
bool is_cancellation(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.code() == Errc::cancelled;
  } catch (...) {
    return false;
  }
}

[[noreturn]] void refuse_foreign(const Descriptor& blob) {
  std::string why =
      "layer " + blob.digest + " is a foreign one (" + blob.media_type + ") that its registry does not have";
  if (!blob.urls.empty())
    why += ": it is at " + blob.urls.front().substr(0, 256) + ", from where no layers are fetched";
  throw Error{Errc::not_found, why};
}

}  // namespace

LayerTransfer::Stage LayerTransfer::stage() const noexcept {
  if (done()) return Stage::complete;
  if (pipeline_ == nullptr) return Stage::waiting;
  return pipeline_->verified() ? Stage::extracting : Stage::downloading;
}

void LayerTransfer::cancel() noexcept {
  if (done()) return;
  stop_->cancel();
  if (pipeline_ != nullptr) {
    pipeline_->fail(std::make_exception_ptr(Error{Errc::cancelled, "context canceled"}));
  }
}

awaitable<void> LayerTransfer::wait_if_cancelled() const {
  if (stop_->cancelled()) co_await task_.wait();
}

awaitable<void> leave(std::vector<LayerTransfer::Interest>& transfers) {
  std::vector<std::shared_ptr<LayerTransfer>> left;
  left.reserve(transfers.size());
  for (const auto& interest : transfers) left.push_back(interest.transfer());
  transfers.clear();
  for (const auto& transfer : left) co_await transfer->wait_if_cancelled();
}

void LayerTransfer::wake() {
  for (asio::steady_timer* timer : sleepers_) timer->cancel();
}

void LayerTransfer::check() const {
  if (stop_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

LayerStore::Pin::Pin(LayerStore& store, std::set<std::string> names) : store_(store), names_(std::move(names)) {
  for (const std::string& name : names_) ++store_.pins_[name];
}

LayerStore::Pin::~Pin() {
  for (const std::string& name : names_) {
    const auto found = store_.pins_.find(name);
    if (--found->second == 0) store_.pins_.erase(found);
  }
}

awaitable<void> LayerStore::recover() {
  co_await workers_.run(Pool::slow, [this] { blobs_.remove_temporaries(); });
  const plugins::CallSettings settings;
  const auto work = [](auto& driver, const Call& call) {
    storage::v1::Holdings out;
    driver.list(out, call);
    return out;
  };
  const auto holdings = co_await drivers_.call(drivers_.storage(), Pool::slow, settings, work);
  present_ = {holdings.layers.begin(), holdings.layers.end()};
  co_await collect();
}

LayerTransfer::Interest LayerStore::transfer(const asio::any_io_executor& executor, Layer layer,
                                             std::optional<Origin> origin) {
  const std::string chain_id = layer.chain_id;
  std::erase_if(transfers_, [](const auto& entry) { return entry.second.expired(); });
  auto known = transfers_[chain_id].lock();
  if (known == nullptr || known->stop_->cancelled() || known->done()) {
    known = std::make_shared<LayerTransfer>(std::move(layer), std::move(origin));
    transfers_[chain_id] = known;
    LayerTransfer::Interest interest{known};
    known->task_ = BackgroundTask{executor, run(known), [known] { known->wake(); }};
    return interest;
  }
  return LayerTransfer::Interest{known};
}

awaitable<void> LayerStore::run(std::shared_ptr<LayerTransfer> transfer) {
  const auto lock = co_await locks_.lock(transfer->layer_.chain_id);
  transfer->check();
  if (has(transfer->layer_.chain_id)) {
    transfer->outcome_ = record_of(transfer->layer_);
    co_return;
  }
  transfer->outcome_.blob = transfer->layer_.blob;
  co_await run_locked(transfer);
  present_.insert(transfer->layer_.chain_id);
  fresh_[transfer->layer_.chain_id] = transfer->outcome_;
  // The stages' buffers: what is free goes back to the kernel.
  transfer->pipeline_.reset();
  ::malloc_trim(0);
}

LayerRecord LayerStore::record_of(const Layer& layer) const {
  if (const LayerRecord* known = catalog_.find_layer(layer.chain_id)) return *known;
  // Another transfer brought it, whose image is not on record yet.
  if (const auto known = fresh_.find(layer.chain_id); known != fresh_.end()) return known->second;
  return {layer.blob, 0};
}

awaitable<void> LayerStore::run_locked(std::shared_ptr<LayerTransfer> transfer) {
  std::exception_ptr failure;
  try {
    co_await bring(transfer);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  if (is_cancellation(failure) || transfer->interests_ == 0) std::rethrow_exception(failure);
  // What has failed has stopped what went on beside it; from now on only the last who leaves stops the transfer.
  transfer->stop_ = std::make_shared<plugins::CancelSource>();
  // A blob that was there may have been damaged since it came: then it is brought anew, if that is possible.
  const bool discarded = co_await discard_if_damaged(transfer);
  if (!discarded) std::rethrow_exception(failure);
  co_await bring(transfer);
}

awaitable<bool> LayerStore::discard_if_damaged(std::shared_ptr<LayerTransfer> transfer) {
  const auto& blob = transfer->layer_.blob;
  const auto lock = co_await blob_locks_.lock(blob.digest);
  const bool has_origin = transfer->origin_.has_value();
  const BlobStore& blobs = blobs_;
  const auto look = [&blobs, &blob, has_origin, stop = transfer->stop_] {
    if (!blobs.has(blob.digest) || is_whole(blobs, blob.digest, stop)) return false;
    if (!has_origin) refuse_damaged(blobs, blob.digest);
    std::error_code gone;
    std::filesystem::remove(blobs.set_aside(blob.digest), gone);
    return true;
  };
  co_return co_await workers_.run(Pool::slow, look);
}

awaitable<void> LayerStore::bring(std::shared_ptr<LayerTransfer> transfer) {
  const auto& blob = transfer->layer_.blob;
  bool is_new = transfer->layer_.is_new;
  const bool parallel = drivers_.storage().can("parallel-apply");
  {
    const auto slot = co_await slots_.take();
    transfer->check();
    const auto blob_lock = co_await blob_locks_.lock(blob.digest);
    transfer->check();
    if (!blobs_.has(blob.digest, blob.size)) {
      if (parallel) {
        co_await download_and_unpack(transfer);
        co_return;
      }
      co_await download(transfer);
      is_new = true;
    }
  }
  if (!parallel) co_await wait_for_parent(transfer);
  const auto slot = co_await slots_.take();
  transfer->check();
  co_await unpack_blob(transfer, is_new);
}

awaitable<void> LayerStore::wait_for_parent(std::shared_ptr<LayerTransfer> transfer) {
  const auto& parents = transfer->layer_.parents;
  if (parents.empty() || has(parents.back())) co_return;
  const auto found = transfers_.find(parents.back());
  const auto parent = found == transfers_.end() ? nullptr : found->second.lock();
  if (parent != nullptr) co_await parent->join();
}

awaitable<void> LayerStore::download_and_unpack(std::shared_ptr<LayerTransfer> transfer) {
  transfer->pipeline_ =
      std::make_shared<LayerPipeline>(blobs_, transfer->layer_, [stop = transfer->stop_] { stop->cancel(); });
  transfer->pipeline_->inflate_download();
  const BackgroundTask fetching{co_await asio::this_coro::executor, fetch(transfer, true)};
  std::exception_ptr error;
  try {
    co_await apply(transfer);
  } catch (...) {
    error = std::current_exception();
    transfer->pipeline_->fail(error);
  }
  co_await fetching.wait();
  // The first failure says why; the others only say that they were cancelled.
  const auto first = transfer->pipeline_->error();
  if (first && (error || fetching.error() || !is_cancellation(first))) std::rethrow_exception(first);
  if (error) std::rethrow_exception(error);
}

awaitable<void> LayerStore::download(std::shared_ptr<LayerTransfer> transfer) {
  transfer->pipeline_ =
      std::make_shared<LayerPipeline>(blobs_, transfer->layer_, [stop = transfer->stop_] { stop->cancel(); });
  co_await fetch(transfer, false);
}

awaitable<void> LayerStore::unpack_blob(std::shared_ptr<LayerTransfer> transfer, bool is_new) {
  transfer->pipeline_ =
      std::make_shared<LayerPipeline>(blobs_, transfer->layer_, [stop = transfer->stop_] { stop->cancel(); });
  transfer->pipeline_->inflate_blob(is_new);
  std::exception_ptr error;
  try {
    co_await apply(transfer);
  } catch (...) {
    error = std::current_exception();
  }
  const auto first = transfer->pipeline_->error();
  if (first && (error || !is_cancellation(first))) std::rethrow_exception(first);
  if (error) std::rethrow_exception(error);
}

awaitable<void> LayerStore::fetch(std::shared_ptr<LayerTransfer> transfer, bool inflate) {
  const auto pipeline = transfer->pipeline_;
  try {
    if (!transfer->origin_) {
      throw Error{Errc::not_found,
                  "blob " + transfer->layer_.blob.digest + " is not in the store: pull or load its image again"};
    }
    if (transfer->origin_->file) {
      co_await fetch_from_file(transfer, inflate);
    } else {
      co_await fetch_from_registry(transfer, inflate);
    }
  } catch (...) {
    pipeline->fail(std::current_exception());
    std::rethrow_exception(pipeline->error());
  }
}

awaitable<void> LayerStore::fetch_from_registry(std::shared_ptr<LayerTransfer> transfer, bool inflate) {
  plugins::CallSettings settings;
  settings.cancel = transfer->stop_;
  const auto work = [pipeline = transfer->pipeline_, origin = *transfer->origin_, inflate](auto& driver,
                                                                                           const Call& call) {
    const Descriptor& blob = pipeline->layer().blob;
    const auto get = [&](ByteSink& sink, std::uint64_t offset) {
      try {
        driver.get_blob(origin.repository, blob, offset, origin.credentials, sink, call);
      } catch (const Error& error) {
        if (error.code() == Errc::not_found && is_foreign(blob.media_type)) refuse_foreign(blob);
        throw;
      }
    };
    inflate ? pipeline->download(get) : pipeline->download_only(get);
  };
  const auto driver = drivers_.registry(transfer->origin_->repository.transport);
  co_await drivers_.call(driver, Pool::slow, settings, work);
}

awaitable<void> LayerStore::fetch_from_file(std::shared_ptr<LayerTransfer> transfer, bool inflate) {
  const auto work = [transfer, inflate] {
    const auto copy = [&](ByteSink& sink, std::uint64_t offset) {
      RangeSource source{*transfer->origin_->file};
      source.seek(offset);
      std::vector<std::byte> buffer(kFilePiece);
      while (const std::size_t got = source.read(buffer)) {
        transfer->check();
        sink.write(std::span{buffer}.first(got));
      }
    };
    transfer->pipeline_->keep_nothing();
    inflate ? transfer->pipeline_->download(copy) : transfer->pipeline_->download_only(copy);
  };
  co_await workers_.run(Pool::slow, work);
}

awaitable<void> LayerStore::apply(std::shared_ptr<LayerTransfer> transfer) {
  plugins::CallSettings settings;
  settings.cancel = transfer->stop_;
  const auto work = [pipeline = transfer->pipeline_](auto& driver, const Call& call) {
    storage::v1::AppliedLayer applied;
    pipeline->unpack([&](ByteSource& tar) {
      driver.apply(pipeline->layer().chain_id, pipeline->layer().parents, tar, applied, call);
    });
    return applied.size;
  };
  transfer->outcome_.size = co_await drivers_.call(drivers_.storage(), Pool::slow, settings, work);
}

namespace {

/// Waits for the end of a transfer, or until `cancel` fires.
awaitable<void> wait_for(const LayerTransfer::Interest& transfer, std::shared_ptr<plugins::CancelSource> cancel) {
  asio::steady_timer tick{co_await asio::this_coro::executor};
  while (cancel != nullptr && !transfer->done()) {
    if (cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
    tick.expires_after(kCancelTick);
    transfer->wake_when_done(tick);
    boost::system::error_code woken;
    co_await tick.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    transfer->forget(tick);
  }
  co_await transfer->join();
}

}  // namespace

awaitable<std::vector<LayerRecord>> LayerStore::unpack(std::vector<Layer> layers, std::map<std::string, Origin> origins,
                                                       std::shared_ptr<plugins::CancelSource> cancel) {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<LayerTransfer::Interest> transfers;
  transfers.reserve(layers.size());
  for (Layer& layer : layers) {
    const auto known = origins.find(layer.blob.digest);
    std::optional<Origin> origin;
    if (known != origins.end()) origin = known->second;
    transfers.push_back(transfer(executor, std::move(layer), std::move(origin)));
  }
  std::vector<LayerRecord> records;
  std::exception_ptr error;
  try {
    for (const auto& under_way : transfers) {
      co_await wait_for(under_way, cancel);
      records.push_back(under_way->outcome());
    }
  } catch (...) {
    error = std::current_exception();
  }
  co_await leave(transfers);
  if (error) std::rethrow_exception(error);
  co_return records;
}

bool LayerStore::is_fresh(const std::string& digest) const {
  return std::any_of(fresh_.begin(), fresh_.end(), [&](const auto& entry) {
    return entry.second.blob.digest == digest && catalog_.find_layer(entry.first) == nullptr;
  });
}

awaitable<std::vector<std::string>> LayerStore::collect(std::vector<std::string> first) {
  std::vector<std::string> unused;
  const auto used = catalog_.used_layers();
  first.insert(first.end(), present_.begin(), present_.end());
  for (const std::string& chain_id : first) {
    const bool listed = std::find(unused.begin(), unused.end(), chain_id) != unused.end();
    if (has(chain_id) && !used.contains(chain_id) && !pinned(chain_id) && !listed) unused.push_back(chain_id);
  }
  std::vector<std::string> removed;
  for (const std::string& chain_id : unused) {
    const auto lock = co_await locks_.lock(chain_id);
    if (!has(chain_id) || pinned(chain_id) || catalog_.used_layers().contains(chain_id)) continue;
    present_.erase(chain_id);
    fresh_.erase(chain_id);
    const plugins::CallSettings settings;
    const auto work = [chain_id](auto& driver, const Call& call) { driver.remove_layer(chain_id, call); };
    co_await drivers_.call(drivers_.storage(), Pool::slow, settings, work);
    removed.push_back(chain_id);
  }
  if (ingests_ > 0) co_return removed;
  const auto blobs = co_await workers_.run(Pool::slow, [this] { return blobs_.list(); });
  for (const std::string& digest : blobs) {
    const auto wanted = [&] {
      return ingests_ > 0 || pinned(digest) || is_fresh(digest) || catalog_.used_blobs().contains(digest);
    };
    if (wanted()) continue;
    const auto lock = co_await blob_locks_.lock(digest);
    if (wanted()) continue;
    // Before anybody can find it and want it; only the freeing of its space takes long.
    const std::filesystem::path aside = blobs_.set_aside(digest);
    co_await workers_.run(Pool::slow, [&aside] { std::filesystem::remove(aside); });
  }
  co_return removed;
}

}  // namespace gantry::images
