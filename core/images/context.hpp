#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "events/bus.hpp"
#include "images/blob_store.hpp"
#include "images/catalog.hpp"
#include "images/layer_store.hpp"
#include "images/service.hpp"
#include "images/slots.hpp"
#include "plugins/drivers.hpp"

namespace gantry::images {

/// What the operations on images work with.
struct Context {
  events::Bus& bus;
  plugins::Drivers& drivers;
  Workers& workers;
  BlobStore& blobs;
  Catalog& catalog;
  LayerStore& layers;
  Slots& uploads;  ///< A place for each layer that is on its way to a registry.
  std::function<std::vector<Service::User>(const std::string& image_id)> users;
  /// The images that builds under way stand on, and how often.
  std::shared_ptr<std::map<std::string, int>> held = std::make_shared<std::map<std::string, int>>();

  [[nodiscard]] bool is_held(const std::string& id) const { return held->contains(id); }
};

/// Publishes an event about an image; its labels become attributes. `record` may be null.
void publish(Context& context, const std::string& action, const std::string& actor, const std::string& name,
             const Record& record);

/// "sha256:0123456789ab..." as users see it: 12 digits.
std::string short_id(const std::string& digest);

/// A line that is only a status.
wire::ProgressMessage status_line(std::string status, std::string id = {});
/// A line with a bar, or, without figures, with an empty one.
wire::ProgressMessage progress_line(std::string status, std::string id, std::uint64_t current = 0,
                                    std::uint64_t total = 0);

}  // namespace gantry::images
