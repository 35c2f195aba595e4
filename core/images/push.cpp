#include "images/push.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/archive_save.hpp"
#include "images/attestation.hpp"
#include "images/background_task.hpp"
#include "images/blob_repair.hpp"
#include "images/layer_compression.hpp"
#include "images/mount_candidates.hpp"
#include "images/query.hpp"

namespace gantry::images {
namespace {

constexpr std::chrono::milliseconds kReportInterval{100};

/// Counts what is sent, for the progress.
class CountedBlob final : public SeekableSource {
 public:
  CountedBlob(const BlobStore& blobs, Descriptor blob, std::shared_ptr<std::atomic<std::uint64_t>> count)
      : source_(blobs, std::move(blob)), count_(std::move(count)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t got = source_.read(buffer);
    *count_ += got;
    return got;
  }
  void seek(std::uint64_t offset) override {
    source_.seek(offset);
    *count_ = offset;
  }

 private:
  WholeBlob source_;
  std::shared_ptr<std::atomic<std::uint64_t>> count_;
};

class TextSource final : public SeekableSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t part = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + at_, part, buffer.data());
    at_ += part;
    return part;
  }
  void seek(std::uint64_t offset) override { at_ = std::min<std::uint64_t>(offset, text_.size()); }

 private:
  std::string text_;
  std::size_t at_{};
};

const std::string kMounted = "Mounted from ";

/// From where the driver has mounted a blob, in its words. Its thread tells.
class MountReport {
 public:
  void take(const Progress& progress) {
    const std::lock_guard lock{mutex_};
    if (progress.action.starts_with(kMounted)) action_ = progress.action;
  }
  [[nodiscard]] std::optional<std::string> action() const {
    const std::lock_guard lock{mutex_};
    return action_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::string> action_;
};

class Push {
 public:
  Push(Context& context, Reference name, PushRequest request, Report report, Cancel cancel)
      : context_(context),
        name_(std::move(name)),
        request_(std::move(request)),
        report_(std::move(report)),
        cancel_(std::move(cancel)) {
    if (cancel_ != nullptr) listener_ = cancel_->listen([stop = stop_] { stop->cancel(); });
  }
  ~Push() {
    if (listener_) cancel_->forget(*listener_);
  }
  Push(const Push&) = delete;
  Push& operator=(const Push&) = delete;

  awaitable<void> one(Reference reference) {
    Record record = context_.catalog.find_name(reference.str());
    if (record == nullptr) {
      throw Error{Errc::not_found, "An image does not exist locally with the tag: " + reference.familiar_name()};
    }
    check_platform(reference.familiar(), record->image, request_.platform);
    if (!request_.beside.empty()) {
      co_await push_index(reference, record);
      co_return;
    }
    record = co_await push_parts(record);
    co_await push_manifest(reference, record);
  }

 private:
  /// Answers the image as it is on record now.
  awaitable<Record> push_parts(Record record) {
    const std::set<std::string> kept{record->image.chain_ids.begin(), record->image.chain_ids.end()};
    const LayerStore::Pin pin{context_.layers, kept};
    const LayerStore::Ingest ingest{context_.layers};
    for (std::size_t at = record->layers.size(); at-- > 0;) {
      report_(progress_line("Preparing", short_id(record->image.diff_ids[at])));
    }
    attested_ = is_attested(*record);
    co_await push_layers(record);
    // What is said about an image is about its layers as they are.
    if (!attested_ && !compressed_.empty()) record = keep_compressed(record);
    if (failure_) std::rethrow_exception(failure_);
    co_await push_config(record);
    co_return record;
  }

  plugins::CallSettings settings() const {
    plugins::CallSettings settings;
    settings.cancel = stop_;
    return settings;
  }

  void check() const {
    if (cancel_ != nullptr && cancel_->cancelled()) throw Error{Errc::cancelled, "context canceled"};
  }

  /// Registries get compressed layers: those that came in plain (load, import, commit) are kept compressed from now on,
  /// unless something is said about the plain ones.
  awaitable<Descriptor> compressed(Descriptor layer) {
    if (layer.media_type != media_type::kOciLayer || attested_ || request_.plain) co_return layer;
    if (const auto known = compressed_.find(layer.digest); known != compressed_.end()) co_return known->second;
    const BlobStore& blobs = context_.blobs;
    const auto work = [&blobs, plain = layer, stop = stop_] { return form_layer(blobs, plain, {}, stop); };
    const Descriptor blob = co_await context_.workers.run(Pool::slow, work);
    compressed_[layer.digest] = blob;
    co_return blob;
  }

  Record keep_compressed(Record record) {
    // Names may have changed meanwhile; layers only as they do here.
    const Record now_known = context_.catalog.find_id(record->image.id);
    if (now_known == nullptr) throw_no_such_image(record->image.id);
    ImageRecord fresh = *now_known;
    for (LayerRecord& layer : fresh.layers) {
      const auto found = compressed_.find(layer.blob.digest);
      if (found != compressed_.end()) layer.blob = found->second;
    }
    context_.catalog.replace(std::move(fresh));
    return context_.catalog.find_id(record->image.id);
  }

  /// All at once, as far as there are places. The first failure stops the others, and stays in `failure_`.
  awaitable<void> push_layers(Record record) {
    std::set<std::string> sent;
    std::vector<BackgroundTask> tasks;
    const auto executor = co_await asio::this_coro::executor;
    for (std::size_t at = record->layers.size(); at-- > 0;) {
      const Descriptor& blob = record->layers[at].blob;
      if (!sent.insert(blob.digest).second) continue;
      tasks.emplace_back(executor, push_in_turn(blob, short_id(record->image.diff_ids[at])));
    }
    for (const BackgroundTask& task : tasks) co_await task.wait();
  }

  awaitable<void> push_in_turn(Descriptor blob, std::string id) {
    try {
      const auto slot = co_await context_.uploads.take();
      check();
      if (failure_) co_return;
      blob = co_await compressed(blob);
      check();
      co_await push_layer(blob, id);
    } catch (...) {
      if (failure_) co_return;
      failure_ = std::current_exception();
      stop_->cancel();
    }
  }

  awaitable<void> push_layer(Descriptor blob, std::string id) {
    const registry::v1::Repository repository = name_.repository();
    const registry::v1::Credentials credentials = request_.credentials;
    const plugins::CallSettings call_settings = settings();
    const auto work = [repository, credentials, blob](auto& driver, const Call& call) {
      return driver.has_blob(repository, blob, credentials, call);
    };
    const bool there =
        co_await context_.drivers.call(context_.drivers.registry(name_.transport), Pool::slow, call_settings, work);
    if (there) {
      report_(progress_line("Layer already exists", id));
      co_return;
    }
    std::vector<std::string> mounts;
    if (name_.transport.empty()) mounts = mount_candidates(context_.catalog, name_, blob.digest);
    auto count = std::make_shared<std::atomic<std::uint64_t>>(0);
    auto mounted = std::make_shared<std::string>();
    const BackgroundTask sending{co_await asio::this_coro::executor, send(blob, mounts, count, mounted)};
    asio::steady_timer tick{co_await asio::this_coro::executor};
    std::uint64_t told = 0;
    while (!sending.done()) {
      if (*count != told) report_(progress_line("Pushing", id, told = *count, blob.size));
      tick.expires_after(kReportInterval);
      boost::system::error_code woken;
      co_await tick.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    co_await sending.join();
    if (mounted->empty()) {
      report_(progress_line("Pushing", id, blob.size, blob.size));
      report_(progress_line("Pushed", id));
    } else {
      report_(progress_line(*mounted, id));
    }
  }

  awaitable<void> send(Descriptor blob, std::vector<std::string> mounts,
                       std::shared_ptr<std::atomic<std::uint64_t>> count, std::shared_ptr<std::string> mounted) {
    co_await check_size(context_, blob, stop_);
    // The file is opened here and now: it may be removed, but not from under the transfer. What the other side says of
    // a digest that is not right tells nobody whose fault it is: a damaged blob is refused before all of it is sent.
    auto file = std::make_shared<CountedBlob>(context_.blobs, blob, count);
    plugins::CallSettings call_settings = settings();
    auto told = std::make_shared<MountReport>();
    call_settings.progress = [told](const Progress& progress) { told->take(progress); };
    const auto work = [repository = name_.repository(), credentials = request_.credentials, blob, mounts, file](
                          auto& driver, const Call& call) {
      return driver.put_blob(repository, blob, mounts, credentials, *file, call);
    };
    const bool sent =
        co_await context_.drivers.call(context_.drivers.registry(name_.transport), Pool::slow, call_settings, work);
    if (!sent && !mounts.empty()) *mounted = told->action().value_or(kMounted + mounts.front());
  }

  /// A small one that nobody watches.
  awaitable<void> push_quietly(Descriptor blob, std::shared_ptr<ByteSource> content) {
    const plugins::CallSettings call_settings = settings();
    const auto work = [repository = name_.repository(), credentials = request_.credentials, blob, content](
                          auto& driver, const Call& call) {
      if (driver.has_blob(repository, blob, credentials, call)) return;
      driver.put_blob(repository, blob, {}, credentials, *content, call);
    };
    co_await context_.drivers.call(context_.drivers.registry(name_.transport), Pool::slow, call_settings, work);
  }

  awaitable<void> push_config(Record record) {
    Descriptor config;
    config.media_type = media_type::kDockerConfig;
    config.digest = record->image.id;
    config.size = record->image.config_json.size();
    co_await push_quietly(config, std::make_shared<TextSource>(record->image.config_json));
  }

  /// The manifest that the image came with, so that its digest stays; else one of Docker's.
  static registry::v1::Manifest manifest_for(const ImageRecord& record) {
    registry::v1::Manifest manifest = manifest_of(record);
    if (!record.manifest.content.empty() && manifest.digest == record.manifest.digest) return manifest;
    std::vector<Descriptor> layers;
    for (const LayerRecord& layer : record.layers) layers.push_back(layer.blob);
    // Docker's manifests know gzip only.
    const bool others = std::any_of(layers.begin(), layers.end(), [](const Descriptor& layer) {
      return layer.media_type == media_type::kOciLayerZstd || layer.media_type == media_type::kOciLayer;
    });
    if (others) return manifest;
    for (Descriptor& layer : layers) layer.media_type = media_type::kDockerLayerGzip;
    Descriptor config{std::string{media_type::kDockerConfig}, record.image.id, record.image.config_json.size(), {}};
    manifest.media_type = media_type::kDockerManifest;
    manifest.content = make_docker_manifest(config, layers);
    manifest.digest = sha256_digest(manifest.content);
    return manifest;
  }

  awaitable<void> put_manifest(std::string name, registry::v1::Manifest manifest) {
    const plugins::CallSettings call_settings = settings();
    const auto work = [repository = name_.repository(), credentials = request_.credentials, manifest, name](
                          auto& driver, const Call& call) {
      driver.put_manifest(repository, name, manifest, credentials, call);
    };
    co_await context_.drivers.call(context_.drivers.registry(name_.transport), Pool::slow, call_settings, work);
  }

  /// What the tag's index names, all but the image's layers and config.
  awaitable<void> push_attestation(Record record, registry::v1::Manifest image) {
    const Attestation& attestation = record->attestation;
    for (const Descriptor& blob : attestation.blobs) {
      co_await push_quietly(blob, std::make_shared<FileSource>(context_.blobs.open(blob.digest)));
    }
    co_await put_manifest(image.digest, image);
    for (const registry::v1::Manifest& manifest : attestation.manifests) {
      co_await put_manifest(manifest.digest, manifest);
    }
  }

  awaitable<void> push_manifest(Reference reference, Record record) {
    const registry::v1::Manifest image = manifest_for(*record);
    // Whoever names a platform wants its manifest alone.
    const bool whole = attested_ && !request_.platform;
    if (whole) co_await push_attestation(record, image);
    const registry::v1::Manifest manifest = whole ? record->attestation.index : image;
    co_await put_under_tag(reference, record, image, manifest);
  }

  /// What a tag says of several images, which are all of one host's.
  static registry::v1::Manifest index_of(const std::vector<Record>& records) {
    std::vector<Index::Entry> entries;
    for (const Record& record : records) {
      const registry::v1::Manifest manifest = manifest_for(*record);
      const Image& image = record->image;
      Index::Entry& entry = entries.emplace_back();
      entry.descriptor = {manifest.media_type, manifest.digest, manifest.content.size(), {}};
      entry.platform = Platform{image.os, image.architecture, image.variant};
    }
    registry::v1::Manifest index;
    index.media_type = media_type::kOciIndex;
    index.content = make_oci_index(entries);
    index.digest = sha256_digest(index.content);
    return index;
  }

  awaitable<void> push_index(Reference reference, Record first) {
    if (request_.beside.size() >= kMaxLayers) {
      throw Error{Errc::invalid, "no more than " + std::to_string(kMaxLayers) + " images can be pushed as one: " +
                                     std::to_string(request_.beside.size() + 1) + " were named"};
    }
    std::vector<Record> records{first};
    for (const std::string& id : request_.beside) records.push_back(context_.catalog.get(id));
    for (Record& record : records) {
      record = co_await push_parts(record);
      const registry::v1::Manifest manifest = manifest_for(*record);
      co_await put_manifest(manifest.digest, manifest);
    }
    const registry::v1::Manifest index = index_of(records);
    co_await put_under_tag(reference, records.front(), manifest_for(*records.front()), index);
  }

  awaitable<void> put_under_tag(Reference reference, Record record, registry::v1::Manifest image,
                                registry::v1::Manifest manifest) {
    co_await put_manifest(request_.place_tag.empty() ? reference.tag : request_.place_tag, manifest);
    const Record known = context_.catalog.find_id(record->image.id);
    if (known && name_.transport.empty()) {
      ImageRecord changed = *known;
      changed.image.digests = {reference.with_digest(manifest.digest).str()};
      changed.manifest = image;
      for (const std::string& digest : known->image.digests) {
        if (digest != changed.image.digests.front()) changed.image.digests.push_back(digest);
      }
      context_.catalog.replace(std::move(changed));
    }
    report_(status_line(reference.tag + ": digest: " + manifest.digest +
                        " size: " + std::to_string(manifest.content.size())));
    wire::ProgressMessage done;
    done.detail.emplace();
    done.aux =
        nlohmann::ordered_json{{"Tag", reference.tag}, {"Digest", manifest.digest}, {"Size", manifest.content.size()}}
            .dump();
    report_(done);
    publish(context_, "push", reference.familiar(), reference.familiar_name(),
            context_.catalog.find_id(record->image.id));
  }

  Context& context_;
  Reference name_;
  PushRequest request_;
  Report report_;
  Cancel cancel_;
  Cancel stop_ = std::make_shared<plugins::CancelSource>();  ///< Cancelled by `cancel_`, or by a layer that fails.
  std::optional<plugins::CancelSource::ListenerId> listener_;
  std::exception_ptr failure_;
  bool attested_{};                               ///< The image under way.
  std::map<std::string, Descriptor> compressed_;  ///< By the digests of the plain layers.
};

}  // namespace

awaitable<void> push(Context& context, PushRequest request, Report report, Cancel cancel) {
  Reference name = parse_reference(request.image);
  if (!name.digest.empty()) throw Error{Errc::invalid, "cannot push a digest reference"};
  if (!request.tag.empty()) name = name.with_tag(request.tag);
  if (!request.destination.empty()) {
    const auto place = parse_place(request.destination);
    if (!place) {
      throw Error{Errc::invalid,
                  "invalid destination \"" + request.destination + "\": oci:/path or oci:/path:tag is needed"};
    }
    name.transport = place->transport;
    name.place = place->place;
    request.place_tag = place->tag;
  }
  report(status_line("The push refers to repository [" +
                     (name.transport.empty() ? name.name() : name.transport + ":" + name.place) + "]"));
  Push work{context, name, request, report, cancel};
  if (!name.tag.empty()) {
    co_await work.one(name);
    co_return;
  }
  std::vector<std::string> tags;
  for (const Record& record : context.catalog.visible()) {
    for (const std::string& known : record->image.names) {
      const Reference reference = parse_reference(known);
      if (reference.name() == name.name()) tags.push_back(reference.tag);
    }
  }
  if (tags.empty()) {
    throw Error{Errc::not_found, "An image does not exist locally with the tag: " + name.familiar_name()};
  }
  for (const std::string& tag : tags) co_await work.one(name.with_tag(tag));
}

}  // namespace gantry::images
