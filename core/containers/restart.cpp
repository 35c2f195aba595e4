#include <boost/asio/detached.hpp>

#include "containers/defaults.hpp"
#include "containers/impl.hpp"
#include "containers/links.hpp"
#include "containers/restart_policy.hpp"

/// Restarts by policy, after the end of a run and at the daemon's start.
namespace gantry::containers {

namespace {

// A start that hangs, or two that wait for each other, must not keep others down for ever.
constexpr std::chrono::minutes kLongestBoot{1};

/// The containers without which it cannot start.
std::vector<std::string> needed_others(const Container& container) {
  std::vector<std::string> others;
  const auto& host = container.host_config;
  for (const std::string& link : host.links) others.push_back(parse_link(link).target);
  for (const std::string& mode : {host.network_mode, host.pid_mode, host.ipc_mode}) {
    if (joins_container(mode)) others.push_back(joined_container(mode));
  }
  return others;
}

}  // namespace

void Service::Impl::restart_later(const std::string& id, Nanoseconds ran) {
  if (recovering) return;
  const auto its = live(id);
  its->backoff = next_backoff(its->backoff, ran);
  its->restart_timer = std::make_shared<asio::steady_timer>(executor, its->backoff);
  asio::co_spawn(executor, restart_after(id, its->restart_timer), asio::detached);
}

awaitable<void> Service::Impl::restart_after(std::string id, std::shared_ptr<asio::steady_timer> timer) {
  boost::system::error_code cancelled;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (cancelled || ending) co_return;
  try {
    Held held = co_await hold(id);
    // Whoever held it before may have given the restart up.
    if (held.container->state != State::restarting || held.live->restart_timer != timer || ending) co_return;
    co_await start(held, Starter::restart_policy);
  } catch (const Error&) {
    // `start` has put the reason on record: as in dockerd, that was the last restart.
  }
}

// The end of a container's wait for its restart, by a stop or a kill.
void Service::Impl::give_up_restart(Held& held) {
  if (held.live->restart_timer) held.live->restart_timer->cancel();
  held.live->restart_timer.reset();
  held.container = change(held.container->id, [](Container& record) {
    record.move_to(State::exited);
    record.stopped_by_user = true;
  });
  settle_waiters(*held.container, true, false);
}

// dockerd waits for those that are linked to; one whose namespaces are joined is needed just as much.
awaitable<void> Service::Impl::await_others(std::shared_ptr<const Container> container) {
  const std::vector<std::string> others = needed_others(*container);
  for (const std::string& name : others) {
    if (!is_known(name)) continue;  // the start says so
    const auto other = booting.find(find(name)->id);
    if (other == booting.end()) continue;
    const auto started = other->second;
    boost::system::error_code woken;
    co_await started->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

awaitable<void> Service::Impl::start_at_boot(std::string id) {
  const auto started = booting.at(id);
  try {
    co_await await_others(find(id));
    Held held = co_await hold(id);
    if (!ending && comes_back(*held.container)) co_await start(held, Starter::daemon);
  } catch (const Error&) {
    // `start` has put the reason on record.
  }
  booting.erase(id);
  started->cancel();
}

void Service::Impl::boot() {
  recovering = false;
  for (const auto& [id, container] : std::map(table.all())) {
    if (comes_back(*container)) {
      booting[id] = std::make_shared<asio::steady_timer>(executor, kLongestBoot);
    } else if (container->state == State::restarting) {
      // Its policy was changed, or its retries are used up.
      change(id, [](Container& record) { record.move_to(State::exited); });
    }
  }
  for (const auto& [id, started] : std::map(booting)) asio::co_spawn(executor, start_at_boot(id), asio::detached);
}

}  // namespace gantry::containers
