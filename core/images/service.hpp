#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "events/bus.hpp"
#include "gantry/unique_fd.hpp"
#include "images/annotations.hpp"
#include "images/compressing_sink.hpp"
#include "images/image.hpp"
#include "images/platform.hpp"
#include "plugins/drivers.hpp"
#include "state/store.hpp"
#include "wire/image.hpp"

namespace gantry::images {

/// Takes a progress line; called on the io thread, must not block.
using Report = std::function<void(const wire::ProgressMessage&)>;

/// The next bytes of an upload; 0 at its end.
using UploadSource = std::function<awaitable<std::size_t>(std::span<std::byte>)>;

/// Takes a piece of a download.
using DownloadSink = std::function<awaitable<void>(std::string_view)>;

/// Cancels an operation when the last client that waits for it has gone.
using Cancel = std::shared_ptr<plugins::CancelSource>;

using Filters = std::map<std::string, std::vector<std::string>>;

struct PullRequest {
  std::string image;     ///< As the user wrote it: "debian", "localhost:5000/a/b:1".
  std::string tag;       ///< Tag or digest; empty: what `image` has, else all tags.
  std::string platform;  ///< "linux/arm64/v8"; empty: this host's.
  registry::v1::Credentials credentials;
  /// All images for the platform that the tag's index names, those after the first without a tag; tells their ids.
  bool every{};
};

struct PushRequest {
  std::string image;
  std::string tag;          ///< Empty: all tags.
  std::string destination;  ///< "oci:/path:tag"; empty: the registry that the name says.
  std::string place_tag;    ///< Of the destination.
  /// Only the manifest of this platform, and so nothing that is said about it.
  std::optional<Platform> platform;
  registry::v1::Credentials credentials;
  /// Ids of images that go along: the tag becomes an index of all, the image itself first. What is said about it stays
  /// here.
  std::vector<std::string> beside;
  bool plain{};  ///< Layers that are not compressed stay so.
};

struct ImportRequest {
  std::string source = "-";  ///< "-": an upload; else an http or https address, "http://" being left out at will.
  std::string repository;    ///< May be empty.
  std::string tag;
  std::string message;
  std::string platform;
  std::vector<std::string> changes;  ///< Dockerfile instructions.
};

/// A layer more on top of an image (or of nothing), as `docker commit` makes it.
struct CommitRequest {
  std::string parent;       ///< The image's id; empty for none.
  std::string config_json;  ///< The "config" object of the new image.
  std::string author;
  std::string comment;
  std::string created_by;  ///< For the history.
  std::string engine;      ///< The version of who makes it.
  std::string repository;  ///< May be empty.
  std::string tag;
  storage::v1::Key top;  ///< The container's writable top.
};

/// One step of a build: what makes an image out of another.
struct BuildStep {
  std::string parent;  ///< The image's id; empty for none.
  ImageConfig config;
  std::string author;
  std::string created_by;  ///< For the history; also what the cache knows the step by.
  storage::v1::Key top;    ///< The writable top whose changes become a layer; empty: only the config changes.
  bool alone{};            ///< The top stands on no image, though the step has a parent.
  /// Seconds since 1970: when the image was made, and the latest time that a file of the layer has; none: now, and what
  /// the files have.
  std::optional<std::int64_t> created;
  std::string platform;  ///< Of an image that stands on none; empty: this host's.
};

/// What kind of thing is said about an image, and the saying itself: a JSON object (in-toto attestation framework).
struct Predicate {
  std::string type;  ///< "https://slsa.dev/provenance/v0.2".
  std::string json;
};

/// What is to be said about an image.
struct Saying {
  std::vector<Predicate> predicates;
  std::vector<std::string> names;  ///< What it is called there: "app:1"; none: the image's own.
  Annotations annotations;
};

/// A statement that is kept beside an image.
struct Statement {
  std::string media_type;
  std::string digest;
  std::uint64_t size{};
  std::map<std::string, std::string> annotations;
  std::string predicate_type;
  std::string json;  ///< A JSON object, the whole of it; empty: nobody has asked for it, or it is none.
};

/// One step in the builds' cache.
struct CachedStep {
  std::string id;
  std::string parent;
  std::string description;
  std::uint64_t size{};  ///< Of what it adds to its parent.
  Nanoseconds created{};
  Nanoseconds last_used{};
  std::uint64_t use_count{};
  bool in_use{};  ///< By a build under way, or a container.
  bool shared{};  ///< An image stands on it, or what it adds is another's, too.
};

struct ListRequest {
  bool all{};
  bool shared_size{};
  bool count_containers{};
  bool manifests{};  ///< What each image consists of.
  bool identity{};   ///< In each of the manifests, where the image is from.
  Filters filters;
};

struct InspectRequest {
  std::optional<Platform> platform;  ///< The image must be of it.
  bool manifests{};
  bool identity{};
};

/// What images take up (API operation SystemDataUsage).
struct ImagesUsage {
  std::int64_t layers_size{};  ///< Of all images; what only the builds' cache has is not in it.
  std::vector<wire::ImageSummary> images;
};

/// What images mean: names, contents, layers; pulled, loaded, pushed, removed. Io thread only.
/// (What containers need comes first and keeps its shape; the rest belongs to api/images.)
class Service {
 public:
  Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers, std::string data_root);
  ~Service();

  /// By name, name@digest, id or unambiguous start of an id. A whole id also finds an image that was removed by force
  /// while a container stands on it. Errors: not_found ("No such image: x:latest").
  [[nodiscard]] std::shared_ptr<const Image> get(const std::string& reference) const;

  /// The ids of that image and of all that are on record as made from it, also by way of others; none if it is not
  /// there.
  [[nodiscard]] std::set<std::string> descendants(const std::string& reference) const;

  /// Makes sure that the storage driver in use has all of the image's layers: unpacks them again from the blobs after a
  /// change of driver. Costs nothing if they are there.
  awaitable<void> ensure_unpacked(std::shared_ptr<const Image> image);

  /// Tells which containers use an image, so that `remove` can refuse; set once when the daemon is wired.
  struct User {
    std::string container_id;
    bool running{};
  };
  void set_users(std::function<std::vector<User>(const std::string& image_id)> users);

  /// Once at start, before anything else, when `set_users` was called and the containers are known: removes what a
  /// killed daemon left half-done (temporary blobs; blobs and layers that belong to no image).
  awaitable<void> recover();

  /// How many layers are pulled (pushed) at a time, over all pulls and pushes (config: max-concurrent-downloads,
  /// -uploads). A pull of a layer occupies two threads of the slow pool, a push one, and the pool must have as many.
  void set_concurrency(std::size_t downloads, std::size_t uploads);

  /// Pulls image, tag, digest, or all tags.
  awaitable<void> pull(PullRequest request, Report report, Cancel cancel);
  awaitable<void> push(PushRequest request, Report report, Cancel cancel);
  /// Makes an image of one layer from an archive of a root filesystem, which is uploaded or fetched. Answers its id.
  /// Errors: invalid, not_found and unavailable (what the server says).
  awaitable<std::string> import(ImportRequest request, UploadSource source, Report report, Cancel cancel);
  /// Takes the images of a docker-archive or an OCI layout, plain or compressed.
  /// With a platform: only the images of it. Errors: not_found if there are none.
  awaitable<void> load(UploadSource source, bool quiet, Report report, Cancel cancel,
                       std::optional<Platform> platform = {});
  /// The same of a file: of its layers only those are read that are wanted, once, and several at a time; but all that
  /// nothing tells the digest of (compressed ones of a docker-archive), one after another.
  awaitable<void> load_file(std::shared_ptr<const UniqueFd> file, bool quiet, Report report, Cancel cancel,
                            std::optional<Platform> platform = {});
  /// Writes a docker-archive that is an OCI layout too. With a platform: images of it, without what is said about them.
  /// Errors before the first piece: not_found.
  awaitable<void> save(std::vector<std::string> references, DownloadSink sink, Cancel cancel,
                       std::optional<Platform> platform = {});
  /// Makes an image from a container's writable top. Answers its id.
  awaitable<std::string> commit(CommitRequest request);

  /// Makes the image of a build's step.
  awaitable<std::shared_ptr<const Image>> commit_step(BuildStep step);
  /// The image that such a step made before, also by the history of the images `cache_from`; null if there is none.
  awaitable<std::shared_ptr<const Image>> find_step(BuildStep step, std::vector<std::string> cache_from);
  /// The step over another parent, with the layer that such a step has made over any; null if there is none. The layer
  /// must not depend on what is below it.
  awaitable<std::shared_ptr<const Image>> graft_step(BuildStep step);
  /// What a build was asked for is an image of the user's, with a name or without.
  void note_result(const std::string& id);
  /// Whether a build has made it.
  [[nodiscard]] bool is_step(const std::string& id) const;
  /// Keeps an image, and so what it stands on, from being removed, until it is let go. Io thread only.
  [[nodiscard]] std::shared_ptr<void> hold(const std::string& id);
  /// The builds' cache: the images of steps that nobody has named or asked for.
  [[nodiscard]] std::vector<CachedStep> cached_steps() const;
  /// Removes one of them. Answers how many bytes that freed; nothing if something needs it, or if it is none.
  awaitable<std::optional<std::uint64_t>> remove_step(std::string id);

  /// Says something about an image, in the place of what was said before. From now on the image has a manifest that
  /// stays as it is. Answers the digest of the index of both; empty: there are only annotations.
  awaitable<std::string> attest(std::string id, Saying saying);
  /// An image's layers as others get them: plain ones are compressed, and kept so.
  awaitable<std::vector<registry::v1::Descriptor>> compressed_layers(std::string id);
  /// Keeps an image's layers in another form from now on. What was said about it must be said again.
  awaitable<void> form_layers(std::string id, LayerForm form, Cancel cancel);
  /// Forgets what was said about an image.
  awaitable<void> retract(std::string id);
  /// What is said about an image: what is of one of `types` (none: all), `whole` or in short.
  awaitable<std::vector<Statement>> statements(std::string reference, std::vector<std::string> types, bool whole,
                                               std::optional<Platform> platform = {});

  [[nodiscard]] std::vector<wire::ImageSummary> list(const ListRequest& request) const;
  [[nodiscard]] nlohmann::json inspect(const std::string& reference, const InspectRequest& request = {}) const;
  [[nodiscard]] std::vector<wire::ImageHistoryItem> history(const std::string& reference,
                                                            const std::optional<Platform>& platform = {}) const;
  [[nodiscard]] ImagesUsage usage() const;
  [[nodiscard]] std::size_t count() const;

  bool tag(const std::string& reference, const std::string& repository, const std::string& tag);
  awaitable<std::vector<wire::ImageDeleteItem>> remove(std::string reference, bool force, bool prune_parents);
  /// Removes the content for `platforms`, whatever its names: the image, as it has one platform.
  /// Errors: invalid if it is not forced, not_found if the image is of none of them.
  awaitable<std::vector<wire::ImageDeleteItem>> remove_platforms(std::string reference, std::vector<Platform> platforms,
                                                                 bool force, bool prune_parents);
  awaitable<wire::ImagePruneReport> prune(Filters filters);

  awaitable<std::vector<wire::ImageSearchItem>> search(std::string term, int limit, Filters filters,
                                                       registry::v1::Credentials credentials);
  /// Answers the identity token, if there is one.
  awaitable<std::string> login(std::string server, registry::v1::Credentials credentials);
  /// API operation DistributionInspect.
  awaitable<nlohmann::json> distribution(std::string reference, registry::v1::Credentials credentials);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::images
