#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "volumes/service_impl.hpp"

namespace gantry::volumes {

awaitable<void> Service::start() {
  for (const std::string& driver : impl_->drivers.names("volume")) co_await impl_->recover_driver(driver);
}

// Volumes of a driver that is not loaded keep their records: their data is still there.
awaitable<void> Service::Impl::recover_driver(std::string driver) {
  const plugins::VolumeDriver handle = co_await drivers.use_volume(driver);
  const plugins::CallSettings settings;
  const auto work = [](auto& target, const Call& call) {
    std::vector<std::string> names;
    target.list(names, call);
    return names;
  };
  const auto held = co_await drivers.call(handle, Pool::quick, settings, work);
  std::vector<Volume> records;
  for (const auto& [name, volume] : table.all()) {
    if (volume->driver == driver) records.push_back(*volume);
  }
  for (const Volume& record : records) {
    const bool is_held = std::find(held.begin(), held.end(), record.name) != held.end();
    const bool moved = std::find(held.begin(), held.end(), record.renamed_to) != held.end();
    if (record.phase == Phase::renaming) {
      co_await recover_rename(record, moved && !is_held);
      continue;
    }
    co_await recover(record, is_held);
  }
  for (const std::string& name : held) {
    const bool is_known = std::any_of(records.begin(), records.end(), [&](const Volume& record) {
      return record.name == name || (record.phase == Phase::renaming && record.renamed_to == name);
    });
    if (!is_known) co_await adopt(name, driver);
  }
}

/// The driver has done it or not: the record follows.
awaitable<void> Service::Impl::recover_rename(Volume volume, bool done) {
  if (done) {
    std::string mountpoint = co_await mountpoint_in_driver(volume.renamed_to, volume.driver);
    finish_rename(std::move(volume), std::move(mountpoint));
    co_return;
  }
  volume.phase = Phase::ready;
  volume.renamed_to.clear();
  put(std::move(volume));
}

awaitable<std::string> Service::Impl::mountpoint_in_driver(std::string name, std::string driver) {
  const plugins::VolumeDriver handle = co_await drivers.use_volume(driver);
  const plugins::CallSettings settings;
  const auto work = [name](auto& target, const Call& call) {
    volume::v1::Volume out;
    target.inspect(name, out, call);
    return out.mountpoint;
  };
  co_return co_await drivers.call(handle, Pool::quick, settings, work);
}

awaitable<void> Service::Impl::recover(Volume volume, bool held) {
  // What an export or an import that was cut off has mounted.
  if (held && (volume.phase != Phase::ready || !volume.options.empty())) co_await give_back(volume);
  if (volume.phase != Phase::ready) {
    co_await remove_in_driver(volume);
    erase(volume.name);
  } else if (!held) {
    // The data is gone, but containers may name the volume: it comes back empty.
    spdlog::warn("volume {} is on record, but driver {} does not have it: it is created anew, empty", volume.name,
                 volume.driver);
    volume.mountpoint = co_await create_in_driver(volume);
    put(volume);
  }
}

// Someone's data without a record (an older state database was put back): it must not be lost.
awaitable<void> Service::Impl::adopt(std::string name, std::string driver) {
  if (table.find(name)) co_return;  // another driver's
  Volume volume;
  volume.mountpoint = co_await mountpoint_in_driver(name, driver);
  volume.name = name;
  volume.driver = driver;
  volume.created = now();
  volume.phase = Phase::ready;
  put(volume);
}

}  // namespace gantry::volumes
