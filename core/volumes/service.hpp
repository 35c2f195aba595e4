#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "base/time.hpp"
#include "events/bus.hpp"
#include "gantry/mount.hpp"
#include "plugins/drivers.hpp"
#include "state/store.hpp"
#include "volumes/volume.hpp"

namespace gantry::volumes {

/// What a user asks for a copy of a volume.
struct CloneRequest {
  std::string name;  ///< Empty for a snapshot: the volume's and the time.
  std::map<std::string, std::string> labels;
  bool snapshot{};  ///< Users of the copy read it only.
  bool force{};     ///< Also while a container that runs may write.
};

/// What means a volume to `system df`.
struct VolumeUsage {
  std::shared_ptr<const Volume> volume;
  std::int64_t size{-1};  ///< Bytes; -1 if the driver can't tell.
  std::int64_t references{};
};

/// What `prune` removed.
struct Pruned {
  std::vector<std::string> names;
  std::uint64_t reclaimed{};  ///< Bytes.
};

/// What volumes mean. Io thread only.
/// (What containers need comes first and keeps its shape; the rest belongs to api/volumes.)
class Service {
 public:
  Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Finds the volume of that name, or makes it; an empty name makes one with a random name. An empty driver is
  /// "local", or whichever the existing volume has. `created` in the answer tells whether it is new: image content is
  /// copied into new volumes only if they are empty. Errors, in dockerd's words: invalid (name, option), not_found
  /// (driver), conflict (the name is another driver's).
  struct Found {
    std::shared_ptr<const Volume> volume;
    bool created{};
  };
  /// An anonymous volume goes with the container `made_for`, until that is removed without its volumes (`disown`).
  awaitable<Found> get_or_create(std::string name, std::string driver, std::optional<Options> options,
                                 std::map<std::string, std::string> labels, std::string made_for);

  /// The mount for a container's use, its target empty; `release` gives it back. Both may be repeated. `attributes` go
  /// into the event (destination, propagation, read/write).
  awaitable<Mount> acquire(std::string name, std::string container_id);
  awaitable<Mount> acquire(std::string name, std::string container_id, std::map<std::string, std::string> attributes);
  awaitable<void> release(std::string name, std::string container_id);

  /// Removes an anonymous volume with its container (`rm -v`, `--rm`): nothing happens if others use it or if it is
  /// gone.
  awaitable<void> remove_if_unused(std::string name);

  /// A container goes, and its anonymous volumes stay. On record before the removal begins, so that one that is cut off
  /// ends as it was asked for.
  void disown(const std::string& container_id);

  /// Removes the anonymous volumes whose containers are gone, but for those in use: what a create or a removal that was
  /// cut off has left.
  awaitable<void> remove_orphans(std::function<bool(const std::string& container_id)> exists);

  /// Tells the ids of the containers that name a volume, so that `remove` can refuse; set once when the daemon is
  /// wired.
  void set_users(std::function<std::vector<std::string>(const std::string& volume)> users);

  /// Once at start, before anything else: compares the records with what the drivers hold, finishes or undoes what was
  /// half done, and takes up volumes that only a driver knows.
  awaitable<void> start();

  /// Errors: not_found ("get x: no such volume").
  [[nodiscard]] std::shared_ptr<const Volume> get(const std::string& name) const;
  [[nodiscard]] std::vector<std::shared_ptr<const Volume>> list() const;  ///< By name.

  /// The ids of the containers that name the volume.
  [[nodiscard]] std::vector<std::string> users(const std::string& name) const;

  /// "local" or "global".
  [[nodiscard]] std::string scope(const Volume& volume) const;

  /// The driver's facts for `inspect`; empty if it has none.
  awaitable<std::map<std::string, std::string>> status(std::shared_ptr<const Volume> volume);

  /// Errors: not_found (not with `force`), conflict ("remove x: volume is in use - [ids]").
  awaitable<void> remove(std::string name, bool force);

  /// Removes the volumes that no container names and that are wanted.
  awaitable<Pruned> prune(std::function<bool(const Volume&)> wanted);

  awaitable<std::vector<VolumeUsage>> usage();

  /// Tells the ids of the containers that run, are not paused, and may write to a volume; set once when the daemon is
  /// wired.
  void set_writers(std::function<std::vector<std::string>(const std::string& volume)> writers);

  /// A new volume with the options and the data of another one. All or nothing.
  /// Errors: not_found, conflict (the name is taken; a container may write, without `force`), unsupported (the driver).
  awaitable<std::shared_ptr<const Volume>> clone(std::string name, CloneRequest request);

  /// Gives a volume that no container names another name. All or nothing.
  /// Errors: not_found, conflict (the name is taken, in use), unsupported (the driver).
  awaitable<void> rename(std::string name, std::string to);

  /// Lets `use` have the mount of a volume's data; nobody removes it meanwhile.
  using Use = std::function<awaitable<void>(const Mount& mount)>;
  awaitable<void> read(std::string name, Use use);

  /// Makes a volume whose data `fill` writes before anybody else sees it. All or nothing.
  /// Errors: conflict (the name is taken), and as get_or_create.
  awaitable<std::shared_ptr<const Volume>> make_filled(Volume volume, Use fill);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::volumes
