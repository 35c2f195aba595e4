#include <boost/asio/detached.hpp>

#include "containers/impl.hpp"
#include "containers/restart_policy.hpp"

/// Restarts by policy, after the end of a run and at the daemon's start.
namespace gantry::containers {

void Service::Impl::restart_later(const std::string& id, Nanoseconds ran) {
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

awaitable<void> Service::Impl::start_at_boot(std::string id) {
  try {
    Held held = co_await hold(id);
    if (ending || !comes_back(*held.container)) co_return;
    co_await start(held, Starter::daemon);
  } catch (const Error&) {
    // `start` has put the reason on record.
  }
}

void Service::Impl::boot() {
  for (const auto& [id, container] : std::map(table.all())) {
    if (comes_back(*container)) {
      asio::co_spawn(executor, start_at_boot(id), asio::detached);
    } else if (container->state == State::restarting) {
      // Its policy was changed, or its retries are used up.
      change(id, [](Container& record) { record.move_to(State::exited); });
    }
  }
}

}  // namespace gantry::containers
