#include <algorithm>

#include "base/digest.hpp"
#include "containers/impl.hpp"

/// --mount type=image: a read-only top of its own over the image's layers, for each container that mounts it.
namespace gantry::containers {

namespace {

// By its place, which is unique in a container and stays when others are taken away, and by the image, as a top stands
// over one image's layers for ever.
std::string image_key(const Container& container, const MountPoint& place) {
  constexpr std::size_t algorithm = sizeof "sha256:" - 1;
  constexpr std::size_t digits = 16;
  return container.id + "." + sha256_digest(place.source + " " + place.destination).substr(algorithm, digits);
}

}  // namespace

std::vector<std::string> storage_keys(const Container& container) {
  std::vector<std::string> keys{container.id};
  for (const MountPoint& place : container.mounts) {
    if (place.type == "image") keys.push_back(image_key(container, place));
  }
  return keys;
}

awaitable<void> Service::Impl::remove_unused_tops(std::shared_ptr<const Container> before,
                                                  std::shared_ptr<const Container> after) {
  const auto used = storage_keys(*after);
  std::vector<std::string> unused = storage_keys(*before);
  std::erase_if(unused, [&](const auto& key) { return std::find(used.begin(), used.end(), key) != used.end(); });
  if (unused.empty()) co_return;
  const plugins::CallSettings call_settings;
  const auto ask_to_remove = [unused](auto& driver, const Call& call) {
    for (const std::string& key : unused) driver.remove(key, call);
  };
  try {
    co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_to_remove);
  } catch (const Error& error) {
    // The next daemon's sweep finds them.
    tell_error(after->id, error);
  }
}

awaitable<std::map<std::string, std::vector<Mount>>> Service::Impl::prepare_images(
    std::shared_ptr<const Container> container) {
  std::map<std::string, std::vector<Mount>> prepared;
  for (const MountPoint& place : container->mounts) {
    if (place.type != "image") continue;
    const auto image = at.images.get(place.source);
    co_await at.images.ensure_unpacked(image);
    const std::string key = image_key(*container, place);
    const plugins::CallSettings call_settings;
    const auto ask_to_prepare = [key, image](auto& driver, const Call& call) {
      const storage::v1::PrepareOptions options;
      std::vector<Mount> mounts;
      driver.prepare(key, image->chain_ids, options, mounts, call);
      return mounts;
    };
    auto mounts = co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_to_prepare);
    prepared[place.destination] = std::move(mounts);
  }
  co_return prepared;
}

}  // namespace gantry::containers
