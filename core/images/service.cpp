#include "images/service.hpp"

#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "gantry/error.hpp"
#include "images/archive_load.hpp"
#include "images/archive_save.hpp"
#include "images/attestation.hpp"
#include "images/authoring.hpp"
#include "images/build_steps.hpp"
#include "images/context.hpp"
#include "images/image_config.hpp"
#include "images/pull.hpp"
#include "images/push.hpp"
#include "images/query.hpp"
#include "images/removal.hpp"
#include "images/search.hpp"

namespace gantry::images {
namespace {

constexpr std::size_t kDefaultUploads = 5;

/// What an image is to those who only read it; the record lives as long.
std::shared_ptr<const Image> image_of(const Record& record) { return {record, &record->image}; }

std::vector<Layer> missing_layers(const ImageRecord& record, const LayerStore& layers) {
  std::vector<Layer> missing;
  const auto& chain = record.image.chain_ids;
  for (std::size_t at = 0; at < chain.size(); ++at) {
    if (layers.has(chain[at])) continue;
    missing.push_back({record.layers[at].blob,
                       record.image.diff_ids[at],
                       chain[at],
                       {chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(at)}});
  }
  return missing;
}

/// As DistributionInspect answers it.
nlohmann::json platform_json(const Platform& platform) {
  nlohmann::json out{{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) out["variant"] = platform.variant;
  return out;
}

}  // namespace

struct Service::Impl {
  Impl(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers, const std::string& data_root)
      : blobs(data_root),
        catalog(store),
        layers(drivers, workers, blobs, catalog),
        context{bus,     drivers, workers,
                blobs,   catalog, layers,
                uploads, {},      std::make_shared<std::map<std::string, int>>()} {}

  BlobStore blobs;
  Catalog catalog;
  LayerStore layers;
  Slots uploads{kDefaultUploads};
  Context context;
  std::shared_ptr<events::Subscription> removals;
};

namespace {

/// Frees the layers of images that were removed by force when the last container on them goes.
awaitable<void> watch_containers(std::shared_ptr<events::Subscription> removals, Context& context) {
  for (;;) {
    const auto event = co_await removals->next();
    if (!event) co_return;
    try {
      co_await forget_hidden(context);
    } catch (const Error&) {
      // The storage driver has logged it; the layers are collected the next time.
    }
  }
}

}  // namespace

Service::Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers,
                 std::string data_root)
    : impl_(std::make_unique<Impl>(store, bus, drivers, workers, data_root)) {}

Service::~Service() {
  if (impl_->removals != nullptr) impl_->removals->close();
}

std::shared_ptr<const Image> Service::get(const std::string& reference) const {
  if (const Record whole = impl_->catalog.find_id(reference)) return image_of(whole);
  return image_of(impl_->catalog.get(reference));
}

std::set<std::string> Service::descendants(const std::string& reference) const {
  const Record first = impl_->catalog.find(reference);
  if (first == nullptr) return {};
  std::set<std::string> found{first->image.id};
  for (std::vector<std::string> next{first->image.id}; !next.empty();) {
    const std::string parent = std::move(next.back());
    next.pop_back();
    for (const Record& child : impl_->catalog.children(parent)) {
      if (found.insert(child->image.id).second) next.push_back(child->image.id);
    }
  }
  return found;
}

awaitable<void> Service::ensure_unpacked(std::shared_ptr<const Image> image) {
  const Record record = impl_->catalog.find_id(image->id);
  if (record == nullptr) throw_no_such_image(image->id);
  const std::vector<Layer> missing = missing_layers(*record, impl_->layers);
  if (!missing.empty()) co_await impl_->layers.unpack(missing);
}

void Service::set_users(std::function<std::vector<User>(const std::string&)> users) {
  impl_->context.users = std::move(users);
}

awaitable<void> Service::recover() {
  co_await impl_->layers.recover();
  co_await forget_hidden(impl_->context);
  impl_->removals = impl_->context.bus.subscribe(
      [](const events::Event& event) { return event.type == "container" && event.action == "destroy"; });
  asio::co_spawn(co_await asio::this_coro::executor, watch_containers(impl_->removals, impl_->context), asio::detached);
}

void Service::set_concurrency(std::size_t downloads, std::size_t uploads) {
  impl_->layers.set_slots(downloads);
  impl_->uploads.resize(uploads);
}

awaitable<void> Service::pull(PullRequest request, Report report, Cancel cancel) {
  std::exception_ptr error;
  try {
    co_await images::pull(impl_->context, std::move(request), std::move(report), std::move(cancel));
  } catch (...) {
    error = std::current_exception();
  }
  if (!error) co_return;
  // Nothing of a pull that failed stays.
  co_await impl_->layers.collect();
  std::rethrow_exception(error);
}

awaitable<void> Service::push(PushRequest request, Report report, Cancel cancel) {
  return images::push(impl_->context, std::move(request), std::move(report), std::move(cancel));
}

awaitable<std::string> Service::import(ImportRequest request, UploadSource source, Report report, Cancel cancel) {
  std::exception_ptr error;
  try {
    co_return co_await import_image(impl_->context, std::move(request), std::move(source), std::move(report),
                                    std::move(cancel));
  } catch (...) {
    error = std::current_exception();
  }
  co_await impl_->layers.collect();
  std::rethrow_exception(error);
}

awaitable<void> Service::load(UploadSource source, bool quiet, Report report, Cancel cancel,
                              std::optional<Platform> platform) {
  ArchiveSource archive{std::move(source), nullptr, std::move(platform)};
  return load_archive(impl_->context, std::move(archive), quiet, std::move(report), std::move(cancel));
}

awaitable<void> Service::load_file(std::shared_ptr<const UniqueFd> file, bool quiet, Report report, Cancel cancel,
                                   std::optional<Platform> platform) {
  ArchiveSource archive{{}, std::move(file), std::move(platform)};
  return load_archive(impl_->context, std::move(archive), quiet, std::move(report), std::move(cancel));
}

awaitable<void> Service::save(std::vector<std::string> references, DownloadSink sink, Cancel cancel,
                              std::optional<Platform> platform) {
  return save_archive(impl_->context, std::move(references), std::move(platform), std::move(sink), std::move(cancel));
}

awaitable<std::string> Service::commit(CommitRequest request) {
  std::exception_ptr error;
  try {
    co_return co_await commit_image(impl_->context, std::move(request));
  } catch (...) {
    error = std::current_exception();
  }
  co_await impl_->layers.collect();
  std::rethrow_exception(error);
}

awaitable<std::shared_ptr<const Image>> Service::commit_step(BuildStep step) {
  std::exception_ptr error;
  try {
    co_return image_of(co_await images::commit_step(impl_->context, std::move(step)));
  } catch (...) {
    error = std::current_exception();
  }
  co_await impl_->layers.collect();
  std::rethrow_exception(error);
}

awaitable<std::shared_ptr<const Image>> Service::find_step(BuildStep step, std::vector<std::string> cache_from) {
  const Record record = co_await images::find_step(impl_->context, std::move(step), std::move(cache_from));
  co_return record == nullptr ? nullptr : image_of(record);
}

awaitable<std::shared_ptr<const Image>> Service::graft_step(BuildStep step) {
  const Record record = co_await images::graft_step(impl_->context, std::move(step));
  co_return record == nullptr ? nullptr : image_of(record);
}

void Service::note_result(const std::string& id) { impl_->catalog.note_result(id); }

bool Service::is_step(const std::string& id) const { return impl_->catalog.step_use(id) != nullptr; }

std::shared_ptr<void> Service::hold(const std::string& id) {
  const auto held = impl_->context.held;
  ++(*held)[id];
  return {nullptr, [held, id](void*) {
            const auto found = held->find(id);
            if (--found->second == 0) held->erase(found);
          }};
}

std::vector<CachedStep> Service::cached_steps() const { return images::cached_steps(impl_->context); }

awaitable<std::optional<std::uint64_t>> Service::remove_step(std::string id) {
  return images::remove_step(impl_->context, std::move(id));
}

awaitable<std::string> Service::attest(std::string id, Saying saying) {
  return images::attest(impl_->context, std::move(id), std::move(saying));
}

awaitable<std::vector<registry::v1::Descriptor>> Service::compressed_layers(std::string id) {
  return images::compressed_layers(impl_->context, std::move(id));
}

awaitable<void> Service::form_layers(std::string id, LayerForm form, Cancel cancel) {
  const Record record = impl_->catalog.find_id(id);
  if (record == nullptr) throw_no_such_image(id);
  const LayerStore::Ingest ingest{impl_->layers};
  co_await images::form_layers(impl_->context, record, form, std::move(cancel));
}

awaitable<void> Service::retract(std::string id) { return images::retract(impl_->context, std::move(id)); }

awaitable<std::vector<Statement>> Service::statements(std::string reference, std::vector<std::string> types, bool whole,
                                                      std::optional<Platform> platform) {
  return read_statements(impl_->context, find_for(impl_->context, reference, platform), std::move(types), whole);
}

std::vector<wire::ImageSummary> Service::list(const ListRequest& request) const {
  return list_images(impl_->context, request);
}

nlohmann::json Service::inspect(const std::string& reference, const InspectRequest& request) const {
  return inspect_image(impl_->context, find_for(impl_->context, reference, request.platform), request);
}

std::vector<wire::ImageHistoryItem> Service::history(const std::string& reference,
                                                     const std::optional<Platform>& platform) const {
  return image_history(find_for(impl_->context, reference, platform));
}

ImagesUsage Service::usage() const { return images_usage(impl_->context); }

std::size_t Service::count() const { return impl_->catalog.visible().size(); }

bool Service::tag(const std::string& reference, const std::string& repository, const std::string& tag) {
  if (repository.empty()) return false;  // as dockerd
  Reference name = parse_reference(repository);
  if (!name.digest.empty()) throw Error{Errc::invalid, "refusing to create a tag with a digest reference"};
  if (!tag.empty()) name = name.with_tag(tag);
  name = name.with_default_tag();
  const Record record = impl_->catalog.get(reference);
  impl_->catalog.tag(record->image.id, name);
  publish(impl_->context, "tag", record->image.id, name.familiar(), record);
  return true;
}

awaitable<std::vector<wire::ImageDeleteItem>> Service::remove(std::string reference, bool force, bool prune_parents) {
  return remove_image(impl_->context, std::move(reference), force, prune_parents);
}

awaitable<std::vector<wire::ImageDeleteItem>> Service::remove_platforms(std::string reference,
                                                                        std::vector<Platform> platforms, bool force,
                                                                        bool prune_parents) {
  return images::remove_platforms(impl_->context, std::move(reference), std::move(platforms), force, prune_parents);
}

awaitable<wire::ImagePruneReport> Service::prune(Filters filters) {
  return prune_images(impl_->context, std::move(filters));
}

awaitable<std::vector<wire::ImageSearchItem>> Service::search(std::string term, int limit, Filters filters,
                                                              registry::v1::Credentials credentials) {
  return search_index(impl_->context, std::move(term), limit, SearchFilter{filters}, std::move(credentials));
}

awaitable<std::string> Service::login(std::string server, registry::v1::Credentials credentials) {
  // "https://index.docker.io/v1/" is what clients call Docker Hub.
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (server.starts_with(scheme)) server.erase(0, scheme.size());
  }
  server = server.substr(0, server.find('/'));
  if (server.empty() || server == "index.docker.io") server = "docker.io";
  const plugins::CallSettings settings;
  const auto work = [server, credentials](auto& driver, const Call& call) {
    std::string token;
    driver.login(server, credentials, token, call);
    return token;
  };
  co_return co_await impl_->context.drivers.call(impl_->context.drivers.registry(), Pool::slow, settings, work);
}

awaitable<nlohmann::json> Service::distribution(std::string reference, registry::v1::Credentials credentials) {
  const Reference name = parse_reference(reference).with_default_tag();
  const registry::v1::Manifest manifest = co_await get_manifest(impl_->context, name, credentials, nullptr);
  const auto parsed = parse_manifest(manifest.content, manifest.media_type);
  nlohmann::json platforms = nlohmann::json::array();
  std::string type;
  if (const Index* index = std::get_if<Index>(&parsed)) {
    type = index->media_type;
    for (const Index::Entry& entry : index->manifests) {
      if (entry.platform) platforms.push_back(platform_json(*entry.platform));
    }
  } else {
    const Manifest& parts = std::get<Manifest>(parsed);
    type = parts.media_type;
    const Origin origin{name.repository(), credentials};
    const std::string config = co_await get_config(impl_->context, origin, parts.config, nullptr);
    Image image;
    parse_image_config(config, image);
    platforms.push_back(platform_json({image.os, image.architecture, image.variant}));
  }
  co_return nlohmann::json{
      {"Descriptor", {{"mediaType", type}, {"digest", manifest.digest}, {"size", manifest.content.size()}}},
      {"Platforms", platforms}};
}

}  // namespace gantry::images
