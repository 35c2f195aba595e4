#include <algorithm>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <filesystem>

#include "containers/concurrent.hpp"
#include "containers/filter_match.hpp"
#include "containers/impl.hpp"
#include "containers/links.hpp"

namespace gantry::containers {

namespace {

void remove_folder(const std::string& folder) {
  std::error_code failed;
  // Again where something came in meanwhile: the log of a run that has just ended may be on its way into a smaller
  // file.
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::filesystem::remove_all(folder, failed);
    if (failed != std::errc::directory_not_empty) break;
  }
  if (failed) throw Error{Errc::io, "cannot remove " + folder + ": " + failed.message()};
}

}  // namespace

// The record goes first through `removing`, so that a crash in between is finished by the recovery: of its volumes
// those go that it has not disowned.
awaitable<void> Service::Impl::remove_held(Held& held, WithVolumes volumes) {
  const std::string id = held.container->id;
  if (held.live->restart_timer) held.live->restart_timer->cancel();
  held.live->restart_timer.reset();
  const UnderWay removal(held.live, &Live::removals);
  if (volumes == WithVolumes::no) at.volumes.disown(id);
  if (held.container->state != State::removing) {
    held.container = change(id, [](Container& record) { record.move_to(State::removing); });
  }
  std::exception_ptr failure;
  try {
    plugins::CallSettings call_settings;
    const std::string mine = folder(id);
    const auto keys = storage_keys(*held.container);
    const auto ask_to_remove = [keys, mine](auto& driver, const Call& call) {
      for (const std::string& key : keys) driver.remove(key, call);
      remove_folder(mine);  // on the same trip to a worker
    };
    co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_to_remove);
    held.live->trace.step("storage.remove");
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      const std::string why = error.what();
      held.container = change(id, [&why](Container& record) {
        record.move_to(State::dead);
        record.error = why;
      });
    }
    std::rethrow_exception(failure);
  }
  const Container gone = *held.container;
  at.store.update([&](state::Transaction& transaction) {
    lose_links(transaction, gone);
    table.erase(transaction, id);
  });
  names.erase(gone.name);
  std::erase_if(execs, [&](const auto& exec) { return exec.second->container_id == id; });
  held.live->trace.step("removed");
  co_await remove_volumes_of(gone, volumes);
  publish("destroy", gone);
  drop_attachments(id);
  settle_waiters(gone, true, true);
  lives.erase(id);
}

// As dockerd, who links to it shows so on, and does not start again.
void Service::Impl::lose_links(state::Transaction& transaction, const Container& gone) {
  const auto leads_there = [&](const std::string& text) { return parse_link(text).target == gone.id; };
  std::vector<Container> losers;
  for (const auto& [id, container] : table.all()) {
    const auto& links = container->host_config.links;
    if (std::any_of(links.begin(), links.end(), leads_there)) losers.push_back(*container);
  }
  for (Container& container : losers) {
    for (std::string& text : container.host_config.links) {
      if (leads_there(text)) text = lost_link(parse_link(text), gone.name);
    }
    const std::string id = container.id;
    table.put(transaction, id, std::move(container));
  }
}

// No record names them any more, so they count as unused; what others use stays for good.
awaitable<void> Service::Impl::remove_volumes_of(Container gone, WithVolumes volumes) {
  if (volumes == WithVolumes::no) co_return;
  if (volumes == WithVolumes::yes) {
    for (const MountPoint& place : gone.mounts) {
      if (place.anonymous && !place.name.empty()) co_await at.volumes.remove_if_unused(place.name);
    }
  }
  const std::string id = gone.id;
  const std::function<bool(const std::string&)> others = [id](const std::string& owner) { return owner != id; };
  co_await at.volumes.remove_orphans(others);
  at.volumes.disown(id);
}

awaitable<void> Service::Impl::remove_auto(Held& held) {
  try {
    co_await remove_held(held, WithVolumes::yes);
  } catch (const Error&) {
    // It is on record as dead, with the reason.
  }
}

namespace {

[[noreturn]] void refuse_removal(const Container& container) {
  const std::string state(to_string(container.state));
  throw Error{Errc::conflict,
              "cannot remove container \"/" + container.name + "\": container is " + state +
                  (container.state == State::paused ? " and must be unpaused first"
                                                    : ": stop the container before removing or force remove")};
}

}  // namespace

awaitable<void> Service::remove(std::string name, RemoveRequest request) {
  const std::string id = impl_->find(name)->id;
  const auto its = impl_->live(id);
  // A start that was already under way may come in between: then it is killed again.
  for (int attempt = 0; attempt < 5; ++attempt) {
    const auto container = impl_->table.find(id);
    if (!container) co_return;  // --rm was quicker
    if (container->state == State::removing) {
      throw Error{Errc::conflict, "removal of container " + name + " is already in progress"};
    }
    const bool busy = is_alive(container->state) || container->state == State::restarting;
    if (busy && !request.force) refuse_removal(*container);
    const UnderWay removal(its, &Live::removals);
    if (is_alive(container->state)) {
      if (container->state == State::paused) co_await unpause_quietly(id);
      co_await impl_->send_signal(id, SIGKILL);
      impl_->publish("kill", *container, {{"signal", std::to_string(SIGKILL)}});
      co_await impl_->wait_for_exit(id, std::chrono::seconds{10});
    }
    if (request.force && its->log_call) its->log_call->cancel();
    auto lock = co_await its->mutex.lock();
    auto record = impl_->table.find(id);
    if (!record) co_return;  // --rm was quicker
    Held held{its, std::move(lock), std::move(record)};
    if (is_alive(held.container->state)) {
      if (!request.force) refuse_removal(*held.container);
      continue;
    }
    co_await impl_->remove_held(held, request.volumes ? Impl::WithVolumes::yes : Impl::WithVolumes::no);
    co_return;
  }
  throw Error{Errc::conflict, "cannot remove container \"" + name +
                                  "\": could not kill: tried to kill container, but did not receive an exit event"};
}

awaitable<void> Service::remove_link(std::string name) {
  (void)find(name);
  if (name.starts_with('/')) name.erase(0, 1);
  const std::size_t slash = name.find('/');
  if (slash == std::string::npos) {
    throw Error{Errc::invalid, "Conflict, cannot remove the default link name of the container"};
  }
  const Held held = co_await impl_->hold(name.substr(0, slash));
  impl_->change(held.container->id, [&](Container& record) {
    std::erase_if(record.host_config.links,
                  [&](const std::string& text) { return parse_link(text).alias == name.substr(slash + 1); });
  });
}

awaitable<void> Service::unpause_quietly(std::string id) {
  Held held = co_await impl_->hold(id);
  if (held.container->state == State::paused) co_await impl_->resume(held);
}

awaitable<Pruned> Service::prune(Filter filter) {
  static const std::set<std::string> known{"label", "label!", "until"};
  check_terms(filter, known);
  if (const auto until = filter.terms.find("until"); until != filter.terms.end()) {
    if (until->second.size() > 1) throw Error{Errc::invalid, "more than one until filter specified"};
    for (const std::string& time : until->second) (void)parse_time(time);
  }
  Pruned pruned;
  for (const auto& container : all()) {
    if (container->state != State::created && container->state != State::exited && container->state != State::dead)
      continue;
    if (!matches_prune(*container, filter)) continue;
    const std::string id = container->id;
    std::uint64_t size = 0;
    try {
      size = (co_await usage(id)).size;
      RemoveRequest request;
      co_await remove(id, request);
    } catch (const Error&) {
      continue;  // started or removed by someone else meanwhile
    }
    pruned.ids.push_back(id);
    pruned.space += size;
  }
  impl_->at.bus.publish({"container", "prune", "", {{"reclaimed", std::to_string(pruned.space)}}, 0});
  co_return pruned;
}

}  // namespace gantry::containers
