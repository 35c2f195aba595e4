#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/id.hpp"
#include "containers/concurrent.hpp"
#include "containers/defaults.hpp"
#include "containers/impl.hpp"
#include "containers/init_process.hpp"

/// What the daemon does at its start with what it finds, and at its end.
namespace gantry::containers {

namespace {

using runtime::v1::Running;

}  // namespace

// A process that still runs, or that ended while nobody watched.
awaitable<void> Service::Impl::recover_alive(Held& held) {
  const std::string id = held.container->id;
  plugins::CallSettings call_settings;
  std::shared_ptr<Running> running;
  try {
    const auto ask_to_adopt = [id](auto& driver, const Call& call) {
      auto out = std::make_shared<Running>();
      driver.adopt(id, *out, call);
      return out;
    };
    running = co_await at.drivers.call(runtime_of(*held.container), Pool::quick, call_settings, ask_to_adopt);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  if (!running) {
    // The host was rebooted, or the shim killed: the end was not seen by anybody.
    if (held.container->mount_edit) co_await forget_edit(held);
    co_await ended(held);
    co_return;
  }
  if (!joins_container(held.container->host_config.network_mode)) {
    const std::string& mode = held.container->host_config.network_mode;
    const UniqueFd netns = open_network(mode, running->pid, running->start_time);
    // If it has just ended, the watcher finds that out.
    if (!netns && errno != ENOENT && errno != ESRCH) {
      spdlog::error("the network namespace of container {} cannot be opened: {}", id, std::strerror(errno));
    }
    if (netns) {
      try {
        auto request = sandbox_request(*held.container);
        const auto adoption = co_await at.networks.adopt(std::move(request), netns.get());
        co_await settle_networks(held, adoption);
      } catch (const std::exception& error) {
        // It runs: whatever becomes of its networks must not leave it unwatched.
        tell_error(id, error);
      }
    }
  }
  for (const MountPoint& place : held.container->mounts) {
    if (place.type != "volume") continue;
    try {
      co_await at.volumes.acquire(place.name, id);
    } catch (const std::exception& error) {
      // It runs, and has the volume: a driver that comes late must not leave it unwatched.
      tell_error(id, error);
    }
  }
  if (held.container->pid != running->pid || held.container->start_time_ticks != running->start_time) {
    held.container = change(id, [&](Container& record) {
      record.pid = running->pid;
      record.start_time_ticks = running->start_time;
    });
  }
  if (held.container->mount_edit) co_await undo_edit(held, true);
  held.live->files_written = true;
  watch(id, ++held.live->run, std::move(running->exit_fd));
  watch_oom(*held.container);
  co_await recover_pause(held);
  if (held.container->health && !held.container->health->probe.empty()) {
    co_await kill_probe(id, held.container->health->probe);
  }
  start_health(id);
}

/// A connect or a disconnect that was cut off has not been acknowledged: of what only one of the two records knows,
/// nothing stays.
awaitable<void> Service::Impl::settle_networks(Held& held, networks::Adoption adoption) {
  std::vector<networks::Endpoint> left = adoption.given_up;
  std::vector<std::string> lost;
  for (const auto& [name, last] : held.container->last_endpoints) {
    const auto is_it = [&last](const networks::Endpoint& one) { return one.network_id == last.network_id; };
    const auto& all = adoption.sandbox.endpoints;
    if (last.endpoint_id.empty() || std::any_of(all.begin(), all.end(), is_it)) continue;
    const auto& undecided = adoption.undecided;
    if (std::find(undecided.begin(), undecided.end(), last.network_id) != undecided.end()) continue;
    lost.push_back(name);
    left.emplace_back();
    left.back().result.ipv4 = last.ip_address;
    left.back().result.ipv6 = last.global_ipv6_address;
  }
  if (left.empty()) co_return;
  for (const networks::Endpoint& endpoint : left) {
    const networks::Endpoint joined;
    co_await update_sandbox_files(held.container, adoption.sandbox, joined, endpoint);
  }
  held.container = change(held.container->id, [&](Container& record) {
    for (const std::string& name : lost) record.endpoints.erase(name);
    record.last_endpoints = describe(record, adoption.sandbox);
  });
}

// What was not finished is taken back: a pause, and an unpause as well.
awaitable<void> Service::Impl::recover_pause(Held& held) {
  try {
    if (held.container->pausing) {
      co_await resume(held);
    } else if (held.container->state == State::paused) {
      co_await freeze(*held.container);
    }
  } catch (const Error&) {
    // It has just ended: the watcher finds that out.
  }
}

awaitable<void> Service::Impl::recover_one(std::string id) {
  Held held = co_await hold(id);
  if (held.container->passing) {
    // Its output goes to nobody: it must not run on.
    co_await undo_start(id, held.container->mounts, held.container->host_config.runtime);
    co_await remove_auto(held);
    co_return;
  }
  if (held.container->mount_edit && !is_alive(held.container->state)) co_await forget_edit(held);
  switch (held.container->state) {
    case State::running:
    case State::paused:
      co_await recover_alive(held);
      co_return;
    case State::starting: {
      // The start was not acknowledged: it never happened.
      co_await undo_start(id, held.container->mounts, held.container->host_config.runtime);
      const bool ran = held.container->started != 0;
      held.container = change(id, [ran](Container& record) {
        record.move_to(ran ? State::exited : State::created);
        record.pid = 0;
      });
      if (held.container->host_config.auto_remove) co_await remove_auto(held);
      co_return;
    }
    case State::removing:
    case State::dead:
      co_await undo_start(id, held.container->mounts, held.container->host_config.runtime);
      co_await remove_held(held, WithVolumes::as_recorded);
      co_return;
    case State::exited:
      // Killed between the end and its removal.
      if (held.container->host_config.auto_remove) co_await remove_auto(held);
      co_return;
    case State::created:
    case State::restarting:
      co_return;
  }
}

// One that cannot be recovered must not keep the others down.
awaitable<void> Service::Impl::recover_or_tell(std::string id) {
  try {
    co_await recover_one(id);
  } catch (const std::exception& error) {
    tell_error(id, error);
  }
}

// Those of mounted images are called after their containers: "<id>.<digest>". What runs keeps what it was started with.
bool Service::Impl::is_top_of_someone(const std::string& key) const {
  const auto container = table.find(key.substr(0, key.find('.')));
  if (!container) return false;
  const auto used = storage_keys(*container);
  return is_alive(container->state) || std::find(used.begin(), used.end(), key) != used.end();
}

// What the drivers hold and no record names.
awaitable<void> Service::Impl::sweep() {
  plugins::CallSettings call_settings;
  const auto ask_holdings = [](auto& driver, const Call& call) {
    storage::v1::Holdings out;
    driver.list(out, call);
    return out.keys;
  };
  const auto keys = co_await at.drivers.call(at.drivers.storage(), Pool::slow, call_settings, ask_holdings);
  for (const std::string& key : keys) {
    if (is_top_of_someone(key)) continue;
    const auto ask_to_remove = [key](auto& driver, const Call& call) { driver.remove(key, call); };
    co_await at.drivers.call(at.drivers.storage(), Pool::slow, call_settings, ask_to_remove);
  }
  const std::function<bool(const std::string&)> exists = [this](const std::string& id) {
    return table.find(id) != nullptr;
  };
  co_await at.volumes.remove_orphans(exists);
  std::set<std::string> seen;
  for (const std::string& name : at.drivers.runtime_names()) {
    const auto driver = at.drivers.runtime(name);
    const auto ask_ids = [](auto& runtime, const Call& call) {
      std::vector<std::string> out;
      runtime.list(out, call);
      return out;
    };
    const auto held = co_await at.drivers.call(driver, Pool::quick, call_settings, ask_ids);
    for (const std::string& id : held) {
      const auto container = table.find(id);
      if (container && is_alive(container->state)) continue;
      if (!seen.insert(id).second) continue;
      const auto ask_to_remove = [id](auto& runtime, const Call& call) { runtime.remove(id, call); };
      co_await at.drivers.call(driver, Pool::quick, call_settings, ask_to_remove);
    }
  }
  std::set<std::string> known;
  for (const auto& [id, container] : table.all()) known.insert(id);
  const std::string mine = settings.data_root + "/containers";
  co_await at.workers.run(Pool::slow, [&mine, &known] {
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(mine, failed)) {
      const std::string name = entry.path().filename();
      if (name.size() == 64 && is_hex(name) && !known.contains(name)) std::filesystem::remove_all(entry.path(), failed);
    }
  });
}

awaitable<void> Service::recover() {
  impl_->recovering = true;
  std::vector<std::string> ids;
  for (const auto& [id, container] : impl_->table.all()) ids.push_back(id);
  // Most of the time of each is spent waiting for its shim and for the kernel.
  constexpr std::size_t kAtOnce = 32;
  for (std::size_t first = 0; first < ids.size(); first += kAtOnce) {
    std::vector<awaitable<void>> tasks;
    for (std::size_t i = first; i < std::min(first + kAtOnce, ids.size()); ++i) {
      tasks.push_back(impl_->recover_or_tell(ids[i]));
    }
    co_await all_of(std::move(tasks));
  }
  co_await impl_->sweep();
  // Every sandbox that still is has been adopted, or it is not known why not, and none is new yet.
  std::set<std::string> alive;
  for (const auto& [id, container] : impl_->table.all()) {
    if (is_alive(container->state)) alive.insert(id);
  }
  co_await impl_->at.networks.reconcile(std::move(alive));
  impl_->boot();
}

void Service::set_live_restore(bool live_restore) { impl_->settings.live_restore = live_restore; }

awaitable<void> Service::shut_down() {
  impl_->ending = true;
  for (const auto& [id, its] : impl_->lives) {
    if (its->restart_timer) its->restart_timer->cancel();
    if (its->health) its->health->stop();
    if (its->log_call) its->log_call->cancel();
  }
  if (impl_->settings.live_restore) co_return;
  const auto stop_one = [](Impl& self, std::string id) -> awaitable<void> {
    const auto container = self.table.find(id);
    const bool by_user = container && container->stopped_by_user;
    StopRequest request;
    co_await self.stop(id, request);
    // The daemon's end is not the user's wish: what is to come back comes back.
    if (self.table.find(id) && !by_user) self.change(id, [](Container& record) { record.stopped_by_user = false; });
  };
  std::vector<awaitable<void>> tasks;
  for (const auto& [id, container] : impl_->table.all()) {
    if (is_alive(container->state)) tasks.push_back(stop_one(*impl_, id));
  }
  if (!tasks.empty()) co_await all_of(std::move(tasks));
}

}  // namespace gantry::containers
