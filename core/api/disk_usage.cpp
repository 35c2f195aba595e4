#include "api/disk_usage.hpp"

#include <nlohmann/json.hpp>

#include "api/container_view.hpp"
#include "api/volumes.hpp"

namespace gantry::api {

namespace {

using PlainJson = nlohmann::json;

awaitable<PlainJson> container_usage(containers::Service& containers, images::Service& images) {
  PlainJson list = PlainJson::array();
  const LinkNames link_names = containers.link_names();
  for (const auto& container : containers.all()) {
    Sizes sizes;
    try {
      const storage::v1::Usage usage = co_await containers.usage(container->id);
      sizes.writable = static_cast<std::int64_t>(usage.size);
      sizes.root = sizes.writable + static_cast<std::int64_t>(images.get(container->image_id)->size);
    } catch (const Error&) {
      // Removed meanwhile, or its image's record was removed by force.
    }
    auto summary = container_summary(containers, images, *container, link_names, sizes);
    summary.erase("Health");
    list.emplace_back(std::move(summary));
  }
  PlainJson part = PlainJson::object();
  part["Containers"] = std::move(list);
  co_return part;
}

awaitable<PlainJson> image_usage(images::Service& images) {
  const images::ImagesUsage usage = images.usage();
  PlainJson part = PlainJson::object();
  part["LayersSize"] = usage.layers_size;
  part["Images"] = usage.images;
  for (auto& image : part["Images"]) {
    if (image["RepoDigests"].empty()) image["RepoDigests"] = nullptr;  // as dockerd, here alone
  }
  co_return part;
}

awaitable<PlainJson> volume_usage(volumes::Service& volumes) {
  const std::vector<volumes::VolumeUsage> usage = co_await volumes.usage();
  PlainJson list = PlainJson::array();
  for (const volumes::VolumeUsage& item : usage) {
    wire::Volume volume = wire_volume(volumes, *item.volume);
    volume.usage.emplace();
    volume.usage->size = item.size;
    volume.usage->references = item.references;
    list.emplace_back(volume);
  }
  PlainJson part = PlainJson::object();
  part["Volumes"] = std::move(list);
  co_return part;
}

nlohmann::json build_cache_json(const build::CacheEntry& entry) {
  nlohmann::json out{{"ID", entry.id},
                     {"Type", entry.type},
                     {"Description", entry.description},
                     {"InUse", entry.in_use},
                     {"Shared", entry.shared},
                     {"Size", entry.size},
                     {"CreatedAt", format_rfc3339(entry.created)},
                     {"LastUsedAt", nullptr},
                     {"UsageCount", entry.use_count}};
  if (entry.last_used != 0) out["LastUsedAt"] = format_rfc3339(entry.last_used);
  if (!entry.parent.empty()) out["Parents"] = {entry.parent};
  return out;
}

awaitable<PlainJson> build_cache_usage(build::Cache& cache) {
  const std::vector<build::CacheEntry> entries = co_await cache.entries();
  PlainJson list = PlainJson::array();
  for (const build::CacheEntry& entry : entries) list.push_back(build_cache_json(entry));
  PlainJson part = PlainJson::object();
  part["BuildCache"] = std::move(list);
  co_return part;
}

}  // namespace

void add_disk_usage(System& system, containers::Service& containers, images::Service& images, volumes::Service& volumes,
                    build::Cache& cache) {
  system.set_disk_usage("container", [&containers, &images] { return container_usage(containers, images); });
  system.set_disk_usage("image", [&images] { return image_usage(images); });
  system.set_disk_usage("build-cache", [&cache] { return build_cache_usage(cache); });
  system.set_disk_usage("volume", [&volumes] { return volume_usage(volumes); });
}

}  // namespace gantry::api
