#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "build/backlog.hpp"
#include "build/cache.hpp"
#include "build/directories.hpp"
#include "build/loans.hpp"
#include "containers/service.hpp"
#include "events/bus.hpp"
#include "gantry/builder.hpp"
#include "gantry/unique_fd.hpp"
#include "images/service.hpp"
#include "plugins/drivers.hpp"

namespace gantry::build {

/// What a client is told beside the lines that dockerd's classic builder writes.
enum class Shown {
  none,
  problems,  ///< Warnings, and the lines of the recipe that failed.
  steps,     ///< And each step as it goes, in the place of the lines.
};

/// What is to be said about the image beside it.
struct Attest {
  enum class Provenance { none, min, max };
  Provenance provenance{};
  bool reproducible{};                ///< The user says that the same build makes the same image.
  std::string builder;                ///< Who builds, as a URI; the user's word.
  bool packages{};                    ///< A list of those that are installed in it (SBOM).
  std::vector<std::string> subjects;  ///< What the image is called; empty: its names.

  [[nodiscard]] bool any() const noexcept { return packages || provenance != Provenance::none; }
};

/// One --annotation.
struct Annotation {
  enum class Place { manifest, manifest_descriptor, index, index_descriptor };
  Place place{};
  std::string platform;  ///< Only of an image for this one; empty: of any.
  std::string name;
  std::string value;
};

struct BuildRequest {
  builder::v1::Request wanted;            ///< What the driver gets.
  std::vector<std::string> names;         ///< Of the image: "app:1".
  std::vector<std::string> cache_from;    ///< Images whose steps count as made here.
  std::optional<images::LayerForm> form;  ///< Of the layers of what is built; none: as they come.
  bool tell_stages{};                     ///< With the image's id come those of what the other stages came to.
  wire::HostConfig host_config;           ///< Limits, network and hosts of the containers in which steps run.
  bool host_network{};                    ///< Commands may ask for the host's network.
  bool all_devices{};                     ///< And for any device of its CDI files.
  std::set<std::string> devices;          ///< And for these.
  bool quiet{};                           ///< Only the image's id.
  Shown shown{Shown::none};
  Attest attest;
  std::vector<Annotation> annotations;
  std::shared_ptr<SharedDirectory> directory;                    ///< In the place of an archive; may be none.
  std::shared_ptr<Loan> loan;                                    ///< May be none.
  std::shared_ptr<Backlog> backlog;                              ///< Of who takes the lines; may be none.
  std::map<std::string, registry::v1::Credentials> credentials;  ///< By registry, as in a client's config.json.
};

struct CommitRequest {
  std::string container;
  std::string repository;  ///< May be empty.
  std::string tag;
  std::string comment;
  std::string author;
  std::string engine;  ///< The version of who commits.
  bool pause{true};
  std::vector<std::string> changes;             ///< Dockerfile instructions.
  std::optional<wire::ContainerConfig> config;  ///< What is set in it takes the place of the container's.
};

class Session;
struct Sources;

/// What builds mean: the builder driver decides, images and containers do. Io thread only.
class Service {
 public:
  struct Neighbours {
    events::Bus& bus;
    plugins::Drivers& drivers;
    Workers& workers;
    images::Service& images;
    containers::Service& containers;
  };

  explicit Service(Neighbours neighbours)
      : at_(neighbours), cache_(at_.drivers, at_.images, at_.workers, at_.containers.settings().data_root) {}

  /// Takes a build context to disk: the build reads it when it has come whole. Answers a file without a name.
  awaitable<UniqueFd> receive(images::UploadSource context);

  /// What builds that have not begun yet will be lent.
  [[nodiscard]] LoanDesk& loans() noexcept { return loans_; }

  /// Opens a context that a client has on this host, for a build to come. Answers its name there. Errors: conflict (it
  /// is not the same directory here).
  awaitable<std::string> claim(DirectoryClaim claim, Peer peer);
  [[nodiscard]] DirectoryDesk& directories() noexcept { return directories_; }

  /// Builds and names. Answers the image's id.
  awaitable<std::string> build(BuildRequest request, UniqueFd context, images::Report report, images::Cancel cancel);

  /// Makes an image from a container. Answers its id.
  awaitable<std::string> commit(CommitRequest request);

  /// What builds leave behind.
  [[nodiscard]] Cache& cache() noexcept { return cache_; }
  /// Removes of it what `rule` is about, and tells by an event.
  awaitable<Pruned> prune(CacheRule rule);

 private:
  /// What is known of an image that was built.
  struct Built {
    std::string image;
    std::string packages;  ///< As an SPDX document; empty: nobody has asked.
    Nanoseconds started{};
  };
  awaitable<std::string> package_list(std::shared_ptr<Session> session, std::shared_ptr<const BuildRequest> request,
                                      std::string image);
  awaitable<std::string> attest(std::shared_ptr<const BuildRequest> request, Sources sources, Built built);
  /// Pauses, or lets go on again, a container that may end meanwhile. False if there was nothing to do: as dockerd.
  awaitable<bool> hold_still(std::string container, bool still);
  void publish_commit(const containers::Container& container, const CommitRequest& request, const std::string& image);

  Neighbours at_;
  Cache cache_;
  LoanDesk loans_;
  DirectoryDesk directories_;
};

}  // namespace gantry::build
