#include <algorithm>
#include <set>

#include "containers/edit_ports.hpp"
#include "containers/impl.hpp"
#include "containers/mount_points.hpp"
#include "containers/ports.hpp"
#include "containers/spec.hpp"

/// Edits of a container, running or not, that Docker asks for a new container for: published ports and mounts.
namespace gantry::containers {

namespace {

void check_editable(const Container& container) {
  if (container.state != State::removing && container.state != State::dead) return;
  throw Error{Errc::conflict, "Cannot update container " + container.id +
                                  ": Container is marked for removal and cannot be \"update\"."};
}

runtime::v1::LiveMounts& live_mounts(runtime::v1::Driver& driver) {
  auto* const able = static_cast<runtime::v1::LiveMounts*>(driver.query(runtime::v1::LiveMounts::kAbility));
  if (able != nullptr) return *able;
  throw Error{Errc::unsupported,
              "the container's runtime cannot change the mounts of a running container: stop the container first"};
}

/// What is asked for as a mount, as places. Errors: invalid, conflict.
std::vector<MountPoint> new_places(const Container& container, const std::vector<wire::MountRequest>& requests) {
  std::vector<MountPoint> places;
  const auto is_at = [](const std::string& destination) {
    return [&destination](const MountPoint& place) { return place.destination == destination; };
  };
  for (const wire::MountRequest& request : requests) {
    MountPoint place = parse_mount(request);
    check_no_nul(place);
    if (place.anonymous) {
      throw Error{Errc::invalid, "invalid mount config for type \"volume\": a volume that is added needs a name"};
    }
    const auto taken = is_at(place.destination);
    if (std::any_of(container.mounts.begin(), container.mounts.end(), taken) ||
        std::any_of(places.begin(), places.end(), taken)) {
      throw Error{Errc::conflict, "Duplicate mount point: " + place.destination};
    }
    places.push_back(std::move(place));
  }
  return places;
}

std::vector<MountPoint> old_places(const Container& container, const std::vector<std::string>& destinations) {
  std::vector<MountPoint> places;
  std::set<std::string> wanted;
  for (const std::string& text : destinations) wanted.insert(clean_path(text));
  for (const std::string& destination : wanted) {
    const auto found = std::find_if(container.mounts.begin(), container.mounts.end(),
                                    [&](const MountPoint& place) { return place.destination == destination; });
    if (found == container.mounts.end()) {
      throw Error{Errc::not_found, "container " + container.name + " has no mount at " + destination};
    }
    places.push_back(*found);
  }
  return places;
}

void forget_place(Container& record, const MountPoint& gone) {
  const auto is_it = [&](const std::string& destination) { return clean_path(destination) == gone.destination; };
  std::erase_if(record.mounts, [&](const MountPoint& place) { return is_it(place.destination); });
  wire::HostConfig& host = record.host_config;
  std::erase_if(host.mounts, [&](const wire::MountRequest& mount) { return is_it(mount.target); });
  std::erase_if(host.binds, [&](const std::string& bind) { return is_it(parse_bind(bind, "").destination); });
  std::erase_if(host.tmpfs, [&](const auto& entry) { return is_it(entry.first); });
}

}  // namespace

awaitable<void> Service::edit_ports(std::string name, wire::PortMap add, wire::PortMap remove) {
  Held held = co_await impl_->hold(name);
  check_editable(*held.container);
  const std::string id = held.container->id;
  Container edited = *held.container;
  containers::edit_ports(edited, add, remove);
  auto ports = published_ports(edited.config, edited.host_config);
  const bool runs = is_alive(edited.state);
  if (runs) co_await impl_->at.networks.publish(id, std::move(ports));
  held.container = impl_->change(id, [&](Container& record) {
    record.config.exposed_ports = edited.config.exposed_ports;
    record.host_config.publish_all_ports = edited.host_config.publish_all_ports;
    record.host_config.port_bindings = edited.host_config.port_bindings;
    if (runs) record.last_endpoints = impl_->describe(record, impl_->at.networks.sandbox(id));
  });
  impl_->publish("update", *held.container);
}

/// A volume that there was not stays if the edit fails, as dockerd keeps that of a container's failed creation.
awaitable<void> Service::Impl::name_volume(MountPoint& place, const wire::MountRequest& asked) {
  Options options;
  std::map<std::string, std::string> labels;
  if (asked.volume) labels = asked.volume->labels;
  if (asked.volume && asked.volume->driver_config) {
    const auto& given = asked.volume->driver_config->options;
    options = Options(given.begin(), given.end());
  }
  const auto found = co_await at.volumes.get_or_create(place.name, place.driver, options, labels, "");
  place.driver = found.volume->driver;
  place.source = found.volume->mountpoint;
}

awaitable<void> Service::Impl::mount_live(std::shared_ptr<const Container> container, MountPoint place) {
  const std::string id = container->id;
  Mount volume;
  if (place.type == "volume") volume = co_await at.volumes.acquire(place.name, id);
  const Mount mount = build_mount(place, &volume);
  const plugins::CallSettings settings_of_call;
  const auto work = [id, mount](auto& driver, const Call& call) { live_mounts(driver).mount(id, mount, call); };
  std::exception_ptr failure;
  try {
    co_await at.drivers.call(runtime_of(*container), Pool::quick, settings_of_call, work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  std::vector<MountPoint> unused{place};
  co_await release_unused(container, std::move(unused));
  std::rethrow_exception(failure);
}

awaitable<void> Service::Impl::unmount_live(std::shared_ptr<const Container> container, MountPoint place) {
  const plugins::CallSettings settings_of_call;
  const auto work = [id = container->id, target = place.destination](auto& driver, const Call& call) {
    live_mounts(driver).unmount(id, target, call);
  };
  co_await at.drivers.call(runtime_of(*container), Pool::quick, settings_of_call, work);
}

/// A volume may be mounted at several places of one container, which holds it but once.
awaitable<void> Service::Impl::release_unused(std::shared_ptr<const Container> container,
                                              std::vector<MountPoint> gone) {
  for (const MountPoint& place : gone) {
    const auto holds_it = [&](const MountPoint& other) { return other.type == "volume" && other.name == place.name; };
    if (place.type != "volume" || std::any_of(container->mounts.begin(), container->mounts.end(), holds_it)) continue;
    co_await at.volumes.release(place.name, container->id);
  }
}

awaitable<void> Service::edit_mounts(std::string name, std::vector<wire::MountRequest> add,
                                     std::vector<std::string> remove) {
  Held held = co_await impl_->hold(name);
  check_editable(*held.container);
  const std::string id = held.container->id;
  const bool runs = is_alive(held.container->state);
  const std::vector<MountPoint> gone = old_places(*held.container, remove);
  Container without = *held.container;
  for (const MountPoint& place : gone) forget_place(without, place);
  std::vector<MountPoint> made = new_places(without, add);
  // What is done, so that a failure half-way undoes it.
  std::vector<MountPoint> unmounted;
  std::vector<MountPoint> mounted;
  std::exception_ptr failure;
  try {
    for (std::size_t i = 0; i < made.size(); ++i) {
      if (made[i].type == "volume") co_await impl_->name_volume(made[i], add[i]);
      if (made[i].type == "image") made[i].source = impl_->at.images.get(made[i].name)->id;
    }
    for (std::size_t i = 0; runs && i < gone.size(); ++i) {
      co_await impl_->unmount_live(held.container, gone[i]);
      unmounted.push_back(gone[i]);
    }
    for (std::size_t i = 0; runs && i < made.size(); ++i) {
      co_await impl_->mount_live(held.container, made[i]);
      mounted.push_back(made[i]);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    for (const MountPoint& place : mounted) co_await impl_->unmount_live(held.container, place);
    co_await impl_->release_unused(held.container, mounted);
    for (const MountPoint& place : unmounted) co_await impl_->mount_live(held.container, place);
    std::rethrow_exception(failure);
  }
  held.container = impl_->change(id, [&](Container& record) {
    for (const MountPoint& place : gone) forget_place(record, place);
    record.host_config.mounts.insert(record.host_config.mounts.end(), add.begin(), add.end());
    record.mounts.insert(record.mounts.end(), made.begin(), made.end());
    sort_by_depth(record.mounts);
  });
  if (runs) co_await impl_->release_unused(held.container, gone);
  impl_->publish("update", *held.container);
}

}  // namespace gantry::containers
