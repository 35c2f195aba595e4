#pragma once

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

namespace gantry::volumes {

struct Volume {
  std::string name;
  std::string driver;
  Options options;
  std::map<std::string, std::string> labels;
  std::string mountpoint;
  Nanoseconds created{};
  bool anonymous{};
};

/// What volumes mean. Io thread only.
/// (What containers need comes first and keeps its shape; the rest belongs to api/volumes.)
class Service {
 public:
  Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers);
  ~Service();

  /// Finds the volume of that name, or makes it; an empty name makes an anonymous volume. An empty driver is "local",
  /// or whichever the existing volume has. `created` in the answer tells whether it is new: image content is copied
  /// into new volumes only if they are empty.
  struct Found {
    std::shared_ptr<const Volume> volume;
    bool created{};
  };
  awaitable<Found> get_or_create(std::string name, std::string driver, Options options,
                                 std::map<std::string, std::string> labels);

  /// The mount for a container's use, its target empty; `release` gives it back. Both may be repeated.
  awaitable<Mount> acquire(std::string name, std::string container_id);
  awaitable<void> release(std::string name, std::string container_id);

  /// Removes an anonymous volume with its container (`rm -v`, `--rm`): nothing happens if others use it or if it is
  /// gone.
  awaitable<void> remove_if_unused(std::string name);

  /// Tells the ids of the containers that name a volume, so that `remove` can refuse; set once when the daemon is
  /// wired.
  void set_users(std::function<std::vector<std::string>(const std::string& volume)> users);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::volumes
