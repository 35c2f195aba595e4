#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "events/bus.hpp"
#include "images/image.hpp"
#include "plugins/drivers.hpp"
#include "state/store.hpp"

namespace gantry::images {

/// What images mean: names, contents, layers; pulled, loaded, pushed, removed. Io thread only.
/// (What containers need comes first and keeps its shape; the rest belongs to api/images.)
class Service {
 public:
  Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& workers, std::string data_root);
  ~Service();

  /// By name, name@digest, id or unambiguous start of an id. Errors: not_found ("No such image: x:latest").
  [[nodiscard]] std::shared_ptr<const Image> get(const std::string& reference) const;

  /// Makes sure that the storage driver in use has all of the image's layers: unpacks them again from the blobs after a change
  /// of driver. Costs nothing if they are there.
  awaitable<void> ensure_unpacked(std::shared_ptr<const Image> image);

  /// Tells which containers use an image, so that `remove` can refuse; set once when the daemon is wired.
  struct User {
    std::string container_id;
    bool running{};
  };
  void set_users(std::function<std::vector<User>(const std::string& image_id)> users);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::images
