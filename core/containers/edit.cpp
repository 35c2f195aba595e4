#include <algorithm>

#include "containers/edit_ports.hpp"
#include "containers/impl.hpp"
#include "containers/mount_edit.hpp"
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

bool is_volume(const MountPoint& place, const std::string& name) {
  return place.type == "volume" && place.name == name;
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
  if (place.type == "volume") {
    auto attributes = mount_attributes(place);
    volume = co_await at.volumes.acquire(place.name, id, std::move(attributes));
  }
  Mount mount = build_mount(place, &volume);
  const auto runtime = runtime_of(*container);
  if (!runtime.can("idmap")) strip_id_map(mount);
  const plugins::CallSettings settings_of_call;
  std::exception_ptr failure;
  try {
    if (place.id_map) {
      mount.source = co_await at.workers.run(Pool::quick, [&place] { return check_mapped_bind(place.source); });
    }
    const auto work = [id, mount](auto& driver, const Call& call) { live_mounts(driver).mount(id, mount, call); };
    co_await at.drivers.call(runtime, Pool::quick, settings_of_call, work);
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
  std::vector<MountPoint> held = container->mounts;
  if (const auto& edit = container->mount_edit) {
    held.insert(held.end(), edit->made.begin(), edit->made.begin() + static_cast<std::ptrdiff_t>(edit->mounted));
  }
  for (const MountPoint& place : gone) {
    const auto holds_it = [&](const MountPoint& other) { return is_volume(other, place.name); };
    if (place.type != "volume" || std::any_of(held.begin(), held.end(), holds_it)) continue;
    co_await at.volumes.release(place.name, container->id);
  }
}

// Each step is on record before it is taken.
awaitable<void> Service::Impl::mount_step(Held& held, MountPoint place) {
  const Snapshot before = held.container;
  held.container = change(before->id, [](Container& record) { ++record.mount_edit->mounted; });
  try {
    co_await mount_live(before, std::move(place));
  } catch (...) {
    held.container = change(before->id, [](Container& record) { --record.mount_edit->mounted; });
    throw;
  }
}

awaitable<void> Service::Impl::unmount_step(Held& held, MountPoint place) {
  const std::string id = held.container->id;
  held.container = change(id, [](Container& record) { ++record.mount_edit->unmounted; });
  try {
    co_await unmount_live(held.container, std::move(place));
  } catch (...) {
    held.container = change(id, [](Container& record) { --record.mount_edit->unmounted; });
    throw;
  }
}

awaitable<void> Service::Impl::carry_out(Held& held, MountPlan& plan) {
  for (NewMount& made : plan.made) {
    if (made.place.type == "volume") co_await name_volume(made.place, made.asked);
  }
  for (NewMount& made : plan.made) {
    if (made.place.type == "image") made.place.source = at.images.get(made.place.name)->id;
  }
  if (!is_alive(held.container->state)) co_return;
  for (const NewMount& made : plan.made) {
    if (!made.late) co_await mount_step(held, made.place);
  }
  for (const MountPoint& place : plan.gone) co_await unmount_step(held, place);
  for (const NewMount& made : plan.made) {
    if (made.late) co_await mount_step(held, made.place);
  }
  Container outcome = *held.container;
  apply(outcome, plan);
  const auto after = std::make_shared<const Container>(std::move(outcome));
  co_await release_unused(after, plan.gone);
}

// What cannot be taken back must not keep the rest from it.
awaitable<bool> Service::Impl::take_back(std::shared_ptr<const Container> container, MountPoint place, Step what) {
  const std::string id = container->id;
  try {
    if (what == Step::mount) {
      co_await unmount_live(std::move(container), std::move(place));
    } else {
      co_await mount_live(std::move(container), std::move(place));
    }
  } catch (const Error& error) {
    tell_error(id, error);
    co_return error.code() != Errc::conflict;
  }
  co_return true;
}

awaitable<void> Service::Impl::undo_edit(Held& held, bool cut_off) {
  const MountEdit edit = *held.container->mount_edit;
  for (std::size_t left = edit.mounted; left > 0; --left) {
    co_await take_back(held.container, edit.made[left - 1], Step::mount);
  }
  for (std::size_t left = edit.unmounted; left > 0; --left) {
    const MountPoint& place = edit.gone[left - 1];
    bool is_gone = true;
    // Whether the last step was taken is not known: so it is taken now.
    if (cut_off && left == edit.unmounted) is_gone = co_await take_back(held.container, place, Step::mount);
    if (is_gone) co_await take_back(held.container, place, Step::unmount);
  }
  co_await forget_edit(held);
}

awaitable<void> Service::Impl::forget_edit(Held& held) {
  Container without = *held.container;
  const MountEdit edit = *without.mount_edit;
  without.mount_edit.reset();
  const auto before = std::make_shared<const Container>(std::move(without));
  const std::vector<MountPoint> begun(edit.made.begin(), edit.made.begin() + static_cast<std::ptrdiff_t>(edit.mounted));
  try {
    co_await release_unused(before, begun);
  } catch (const Error& error) {
    tell_error(before->id, error);
  }
  held.container = change(before->id, [](Container& record) { record.mount_edit.reset(); });
}

awaitable<void> Service::edit_mounts(std::string name, std::vector<wire::MountRequest> add,
                                     std::vector<std::string> remove) {
  Held held = co_await impl_->hold(name);
  check_editable(*held.container);
  const std::string id = held.container->id;
  MountPlan plan = plan_mounts(*held.container, add, remove, is_alive(held.container->state));
  held.container = impl_->change(id, [&](Container& record) {
    auto& edit = record.mount_edit.emplace();
    for (const NewMount& made : plan.made) edit.made.push_back(made.place);
    edit.gone = plan.gone;
  });
  std::exception_ptr failure;
  try {
    co_await impl_->carry_out(held, plan);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await impl_->undo_edit(held, false);
    std::rethrow_exception(failure);
  }
  const Snapshot before = held.container;
  held.container = impl_->change(id, [&](Container& record) {
    apply(record, plan);
    record.mount_edit.reset();
  });
  co_await impl_->remove_unused_tops(before, held.container);
  impl_->publish("update", *held.container);
}

}  // namespace gantry::containers
