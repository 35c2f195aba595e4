#include "images/pull.hpp"

#include <algorithm>
#include <chrono>

#include "base/digest.hpp"
#include "gantry/error.hpp"
#include "images/attestation.hpp"
#include "images/blob_repair.hpp"
#include "images/image_config.hpp"
#include "images/platform.hpp"

namespace gantry::images {
namespace {

constexpr std::chrono::milliseconds kTick{100};

void check(const Cancel& cancel) {
  if (cancel != nullptr && cancel->cancelled()) throw Error{Errc::cancelled, "context canceled"};
}

plugins::CallSettings settings_for(const Cancel& cancel) {
  plugins::CallSettings settings;
  settings.cancel = cancel;
  return settings;
}

/// Collects a small blob in memory.
class TextSink final : public ByteSink {
 public:
  explicit TextSink(std::size_t limit) : limit_(limit) {}
  void write(std::span<const std::byte> bytes) override {
    if (text.size() + bytes.size() > limit_) {
      throw Error{Errc::invalid, "the image's config is larger than " + std::to_string(limit_) + " bytes"};
    }
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;

 private:
  std::size_t limit_;
};

/// Reports the way of one layer until it has come to its end.
class LayerProgress {
 public:
  LayerProgress(const LayerTransfer& transfer, const Report& report)
      : transfer_(transfer), report_(report), id_(short_id(transfer.layer().blob.digest)) {}

  void tell(LayerTransfer::Stage stage) {
    using Stage = LayerTransfer::Stage;
    const std::uint64_t total = transfer_.layer().blob.size;
    if (stage == Stage::downloading) tell_bytes("Downloading", transfer_.downloaded(), total);
    if (stage >= Stage::extracting && last_ < Stage::extracting) {
      report_(progress_line("Verifying Checksum", id_));
      report_(progress_line("Download complete", id_));
      told_ = 0;
    }
    if (stage == Stage::extracting) tell_bytes("Extracting", transfer_.extracted(), total);
    if (stage == Stage::complete) {
      report_(progress_line("Extracting", id_, total, total));
      report_(progress_line("Pull complete", id_));
    }
    last_ = stage;
  }

 private:
  void tell_bytes(const char* action, std::uint64_t current, std::uint64_t total) {
    if (current == told_ || current == 0) return;
    told_ = current;
    report_(progress_line(action, id_, current, total));
  }

  const LayerTransfer& transfer_;
  const Report& report_;
  std::string id_;
  LayerTransfer::Stage last_{LayerTransfer::Stage::waiting};
  std::uint64_t told_{};
};

/// Waits for all of `transfers`, reporting ten times a second, and fails as the first of them.
awaitable<void> follow(const std::vector<LayerTransfer::Interest>& transfers, const Report& report, Cancel cancel) {
  std::vector<LayerProgress> progress;
  progress.reserve(transfers.size());
  for (const auto& transfer : transfers) progress.emplace_back(*transfer, report);
  std::vector<bool> ended(transfers.size());
  asio::steady_timer tick{co_await asio::this_coro::executor};
  for (std::size_t left = transfers.size(); left > 0;) {
    check(cancel);
    for (std::size_t at = 0; at < transfers.size(); ++at) {
      if (ended[at]) continue;
      const auto stage = transfers[at]->stage();
      if (stage == LayerTransfer::Stage::complete) {
        co_await transfers[at]->join();
        ended[at] = true;
        --left;
      }
      progress[at].tell(stage);
    }
    if (left == 0) break;
    tick.expires_after(kTick);
    for (std::size_t at = 0; at < transfers.size(); ++at) {
      if (!ended[at]) transfers[at]->wake_when_done(tick);
    }
    boost::system::error_code woken;
    co_await tick.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    for (const auto& transfer : transfers) transfer->forget(tick);
  }
}

class Pull {
 public:
  Pull(Context& context, Reference name, PullRequest request, Report report, Cancel cancel)
      : context_(context),
        name_(std::move(name)),
        request_(std::move(request)),
        report_(std::move(report)),
        cancel_(std::move(cancel)) {}

  awaitable<void> one(Reference reference) {
    registry::v1::Manifest top = co_await get_manifest(context_, reference, request_.credentials, cancel_);
    reference = reference.with_default_tag();
    const std::string shown = reference.digest.empty() ? reference.tag : reference.digest;
    report_(status_line("Pulling from " + familiar_path(reference), shown));
    const registry::v1::Manifest chosen = co_await choose_image(reference, top);
    const bool fresh = co_await take(reference, top, chosen);
    if (request_.every) tell_id(reference.with_digest(top.digest));
    report_(status_line("Digest: " + top.digest));
    report_(status_line((fresh ? "Status: Downloaded newer image for " : "Status: Image is up to date for ") +
                        reference.familiar()));
    publish(context_, "pull", reference.familiar(), reference.familiar_name(),
            context_.catalog.find_name(reference.str()));
  }

  /// The image, and the others of its index.
  awaitable<void> with_others(Reference reference) {
    const registry::v1::Manifest top = co_await get_manifest(context_, reference, request_.credentials, cancel_);
    co_await one(reference);
    const auto parsed = parse_manifest(top.content, top.media_type);
    const Index* index = std::get_if<Index>(&parsed);
    if (index == nullptr) co_return;
    const Platform platform = wanted_platform();
    const Index::Entry* first = choose(*index, platform);
    for (const Index::Entry& entry : index->manifests) {
      const bool fits = !entry.platform || match_platform(platform, *entry.platform) > 0;
      if (&entry == first || !entry.about.empty() || !fits) continue;
      co_await one(reference.with_digest(entry.descriptor.digest));
    }
  }

  awaitable<void> all_tags() {
    const plugins::CallSettings call_settings = settings_for(cancel_);
    const auto work = [repository = name_.repository(), credentials = request_.credentials](auto& driver,
                                                                                            const Call& call) {
      std::vector<std::string> out;
      driver.list_tags(repository, credentials, out, call);
      return out;
    };
    const auto tags =
        co_await context_.drivers.call(context_.drivers.registry(name_.transport), Pool::slow, call_settings, work);
    for (const std::string& tag : tags) co_await one(name_.with_tag(tag));
  }

 private:
  static std::string familiar_path(const Reference& reference) { return reference.path; }

  [[nodiscard]] Platform wanted_platform() const {
    return request_.platform.empty() ? host_platform() : parse_platform(request_.platform);
  }

  void tell_id(const Reference& pulled) const {
    const Record record = context_.catalog.find_name(pulled.str());
    if (record == nullptr) return;
    wire::ProgressMessage id;
    id.aux = R"({"ID":")" + record->image.id + R"("})";
    report_(id);
  }

  /// Follows an index to the image for the platform.
  awaitable<registry::v1::Manifest> choose_image(Reference reference, registry::v1::Manifest top) {
    const Platform platform = wanted_platform();
    registry::v1::Manifest current = std::move(top);
    for (int depth = 0; depth < 4; ++depth) {
      const auto parsed = parse_manifest(current.content, current.media_type);
      const Index* index = std::get_if<Index>(&parsed);
      if (index == nullptr) co_return current;
      const Index::Entry* entry = choose(*index, platform);
      if (entry == nullptr) {
        throw Error{Errc::not_found, "no matching manifest for " + platform.str() + " in the manifest list entries"};
      }
      current = co_await get_manifest(context_, reference.with_digest(entry->descriptor.digest), request_.credentials,
                                      cancel_);
    }
    throw Error{Errc::invalid, "invalid manifest: indexes are nested too deeply"};
  }

  /// Answers whether anything is new.
  awaitable<bool> take(Reference reference, registry::v1::Manifest top, registry::v1::Manifest manifest) {
    const auto parsed = parse_manifest(manifest.content, manifest.media_type);
    const Manifest& parts = std::get<Manifest>(parsed);
    const std::string digest_name = reference.with_digest(top.digest).str();
    // The statements' blobs belong to nobody until the image is on record.
    std::optional<LayerStore::Ingest> ingest;
    if (says_something(top, manifest.digest)) ingest.emplace(context_.layers);
    ImageRecord record;
    const Record known = context_.catalog.find_id(parts.config.digest);
    bool fresh = known == nullptr || known->hidden;
    if (fresh) {
      const Origin origin{name_.repository(), request_.credentials};
      const std::string config = co_await get_config(context_, origin, parts.config, cancel_);
      parse_image_config(config, record.image);
      check_platform(record.image);
      const std::vector<Layer> layers = layers_of(record.image, parts);
      std::set<std::string> kept{record.image.chain_ids.begin(), record.image.chain_ids.end()};
      for (const Layer& layer : layers) kept.insert(layer.blob.digest);
      const LayerStore::Pin pin{context_.layers, std::move(kept)};
      record.layers = co_await pull_layers(context_, layers, origin, report_, cancel_);
      record.layers = co_await bring_lost(record.layers, layers);
      record.manifest = manifest;
      if (ingest) co_await take_attestation(record, reference, top, parts.layers);
      keep(std::move(record), reference, digest_name);
    } else {
      check_platform(known->image);
      const Record named = context_.catalog.find_name(reference.str());
      fresh = named == nullptr || named->image.id != known->image.id;
      record = *known;
      record.manifest = manifest;
      const std::vector<Layer> layers = layers_of(record.image, parts);
      record.layers = co_await bring_lost(record.layers, layers);
      if (ingest) co_await take_attestation(record, reference, top, parts.layers);
      keep(std::move(record), reference, digest_name);
    }
    co_return fresh;
  }

  /// Layers that are there may have lost their blobs.
  awaitable<std::vector<LayerRecord>> bring_lost(std::vector<LayerRecord> layers, std::vector<Layer> offered) {
    std::map<std::string, Origin> origins;
    for (const Layer& layer : offered) {
      const Origin origin{name_.repository(), request_.credentials};
      origins[layer.blob.digest] = origin;
    }
    co_return co_await bring_missing(context_, layers, offered, origins, cancel_);
  }

  static bool says_something(const registry::v1::Manifest& top, const std::string& subject) {
    if (top.digest == subject) return false;
    const auto parsed = parse_manifest(top.content, top.media_type);
    const auto* index = std::get_if<Index>(&parsed);
    return index != nullptr && statements_about(*index, subject).has_value();
  }

  /// What is said about the image comes with it: if it is missing or not what it should be, the image is none the
  /// worse.
  awaitable<void> take_attestation(ImageRecord& record, Reference reference, registry::v1::Manifest top,
                                   std::vector<Descriptor> layers) {
    if (record.attestation.index.digest == top.digest) co_return;
    Attestation attestation;
    std::string failure;
    try {
      check_is_about(record.layers, layers);
      attestation =
          co_await get_attestation(context_, reference, top, record.manifest.digest, request_.credentials, cancel_);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled) throw;
      failure = error.what();
    }
    if (!failure.empty()) {
      report_(status_line("The attestation of " + reference.familiar() + " cannot be had: " + failure));
      co_return;
    }
    if (!attestation.index.content.empty()) record.attestation = std::move(attestation);
  }

  void keep(ImageRecord record, const Reference& reference, const std::string& digest_name) {
    record.image.names.clear();
    if (!reference.tag.empty()) {
      record.image.names.push_back(reference.with_tag(reference.tag).str());
      record.last_tagged = now();
    }
    if (reference.transport.empty()) record.image.digests = {digest_name};
    context_.catalog.put(std::move(record));
  }

  /// A single image may be of another platform than the one that was asked for.
  void check_platform(const Image& image) const {
    if (request_.platform.empty()) return;
    const Platform wanted = parse_platform(request_.platform);
    const Platform actual{image.os, image.architecture, image.variant};
    if (match_platform(wanted, actual) == 0) {
      throw Error{Errc::not_found, "image with reference " + name_.familiar() +
                                       " was found but does not match the specified platform: wanted " + wanted.str() +
                                       ", actual: " + actual.str()};
    }
  }

  Context& context_;
  Reference name_;
  PullRequest request_;
  Report report_;
  Cancel cancel_;
};

}  // namespace

awaitable<std::string> get_config(Context& context, Origin origin, Descriptor descriptor, Cancel cancel) {
  if (descriptor.size > kMaxConfig) {
    throw Error{Errc::invalid, "the image's config is larger than " + std::to_string(kMaxConfig) + " bytes"};
  }
  const plugins::CallSettings call_settings = settings_for(cancel);
  const auto work = [origin, descriptor](auto& driver, const Call& call) {
    TextSink sink{descriptor.size};
    driver.get_blob(origin.repository, descriptor, 0, origin.credentials, sink, call);
    return std::move(sink.text);
  };
  std::string text = co_await context.drivers.call(context.drivers.registry(origin.repository.transport), Pool::slow,
                                                   call_settings, work);
  if (sha256_digest(text) != descriptor.digest) {
    throw Error{Errc::invalid, "image config verification failed for digest " + descriptor.digest};
  }
  co_return text;
}

std::vector<Layer> layers_of(const Image& image, const Manifest& manifest) {
  if (image.diff_ids.size() != manifest.layers.size()) {
    throw Error{Errc::invalid, "invalid manifest: it names " + std::to_string(manifest.layers.size()) +
                                   " layers, but the image's config " + std::to_string(image.diff_ids.size())};
  }
  std::vector<Layer> layers;
  for (std::size_t at = 0; at < manifest.layers.size(); ++at) {
    layers.push_back({manifest.layers[at],
                      image.diff_ids[at],
                      image.chain_ids[at],
                      {image.chain_ids.begin(), image.chain_ids.begin() + static_cast<std::ptrdiff_t>(at)}});
  }
  return layers;
}

awaitable<std::vector<LayerRecord>> pull_layers(Context& context, std::vector<Layer> layers, Origin origin,
                                                Report report, Cancel cancel) {
  const auto executor = co_await asio::this_coro::executor;
  std::vector<LayerTransfer::Interest> transfers;
  transfers.reserve(layers.size());
  std::vector<LayerRecord> records(layers.size());
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    const std::string id = short_id(layers[at].blob.digest);
    const LayerRecord* known = context.catalog.find_layer(layers[at].chain_id);
    if (known != nullptr && context.layers.has(layers[at].chain_id)) {
      records[at] = *known;
      report(progress_line("Already exists", id));
      continue;
    }
    report(progress_line("Pulling fs layer", id));
    if (transfers.size() >= 3) report(progress_line("Waiting", id));
    places.push_back(at);
    transfers.push_back(context.layers.transfer(executor, layers[at], origin));
  }
  std::exception_ptr error;
  try {
    co_await follow(transfers, report, cancel);
    for (std::size_t at = 0; at < places.size(); ++at) records[places[at]] = transfers[at]->outcome();
  } catch (...) {
    error = std::current_exception();
  }
  co_await leave(transfers);
  if (error) std::rethrow_exception(error);
  co_return records;
}

awaitable<registry::v1::Manifest> get_manifest(Context& context, Reference reference,
                                               registry::v1::Credentials credentials, Cancel cancel) {
  const std::string wanted = reference.digest.empty() ? reference.tag : reference.digest;
  const plugins::CallSettings call_settings = settings_for(cancel);
  const auto work = [repository = reference.repository(), wanted, credentials](auto& driver, const Call& call) {
    registry::v1::Manifest out;
    driver.get_manifest(repository, wanted, credentials, out, call);
    return out;
  };
  registry::v1::Manifest manifest =
      co_await context.drivers.call(context.drivers.registry(reference.transport), Pool::slow, call_settings, work);
  if (manifest.content.size() > kMaxManifest) {
    throw Error{Errc::invalid, "the manifest of " + reference.familiar() + " is larger than 4 MiB"};
  }
  // What the registry says about the digest is not believed.
  const std::string actual = sha256_digest(manifest.content);
  if (!reference.digest.empty() && actual != reference.digest) {
    throw Error{Errc::invalid, "manifest verification failed for digest " + reference.digest};
  }
  if (!manifest.digest.empty() && manifest.digest != actual && manifest.digest.starts_with("sha256:")) {
    throw Error{Errc::invalid, "manifest verification failed for digest " + manifest.digest};
  }
  manifest.digest = actual;
  if (is_schema_1(manifest.content, manifest.media_type)) {
    throw Error{Errc::unsupported,
                "[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is "
                "disabled by default and will be removed in an upcoming release. Suggest the author of " +
                    reference.str() +
                    " to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information "
                    "at https://docs.docker.com/go/deprecated-image-specs/"};
  }
  co_return manifest;
}

awaitable<void> pull(Context& context, PullRequest request, Report report, Cancel cancel) {
  const auto place = parse_place(request.image);
  Reference name = place ? *place : parse_reference(request.image);
  if (!request.tag.empty()) {
    name = is_sha256_digest(request.tag) ? name.with_digest(request.tag) : name.with_tag(request.tag);
  }
  const bool all = !place && name.tag.empty() && name.digest.empty();
  if (!request.platform.empty()) parse_platform(request.platform);
  Pull work{context, name, request, report, cancel};
  if (all) {
    co_await work.all_tags();
  } else if (request.every) {
    co_await work.with_others(name);
  } else {
    co_await work.one(name);
  }
}

}  // namespace gantry::images
