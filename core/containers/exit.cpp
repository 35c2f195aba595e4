#include <boost/asio/detached.hpp>

#include "containers/concurrent.hpp"
#include "containers/failure.hpp"
#include "containers/impl.hpp"
#include "containers/restart_policy.hpp"

namespace gantry::containers {

namespace {

using Status = runtime::v1::ExitStatus;

}  // namespace

void Service::Impl::watch(std::string id, std::uint64_t run, UniqueFd exit_fd) {
  asio::co_spawn(executor, watch_exit(std::move(id), run, std::move(exit_fd)), asio::detached);
}

awaitable<void> Service::Impl::watch_exit(std::string id, std::uint64_t run, UniqueFd exit_fd) {
  boost::system::error_code failed;
  asio::posix::stream_descriptor descriptor{executor, exit_fd.release()};
  co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, failed));
  if (failed == asio::error::operation_aborted) co_return;
  const auto its = live(id);
  auto lock = co_await its->mutex.lock();
  auto container = table.find(id);
  if (!container || its->run != run || !is_alive(container->state)) co_return;
  its->trace.begin("exit");
  Held held{its, std::move(lock), std::move(container)};
  try {
    co_await ended(held);
  } catch (const std::exception& error) {
    // The record says that it runs; the next start of the daemon looks again.
    tell_error(id, error);
  }
}

awaitable<void> Service::Impl::end_runtime(std::string id, std::string runtime) {
  plugins::CallSettings call_settings;
  const auto ask_to_remove = [id](auto& driver, const Call& call) { driver.remove(id, call); };
  co_await at.drivers.call(at.drivers.runtime(runtime), Pool::quick, call_settings, ask_to_remove);
}

awaitable<void> Service::Impl::release_volumes(std::string id, std::vector<MountPoint> mounts) {
  for (const MountPoint& place : mounts) {
    if (place.type != "volume") continue;
    try {
      co_await at.volumes.release(place.name, id);
    } catch (const std::exception& error) {
      // A driver that holds on to its volume must not keep the container from ending.
      tell_error(id, error);
    }
  }
}

awaitable<void> Service::Impl::free_run(std::string id, std::vector<MountPoint> mounts, std::string runtime) {
  std::vector<awaitable<void>> tasks;
  tasks.push_back(end_runtime(id, runtime));
  tasks.push_back(at.networks.detach(id));
  tasks.push_back(release_volumes(id, mounts));
  co_await all_of(std::move(tasks));
}

awaitable<runtime::v1::ExitStatus> Service::Impl::exit_status(std::shared_ptr<const Container> container) {
  const std::string id = container->id;
  Status status;
  status.code = 255;
  status.finished_at_ns = now();
  try {
    plugins::CallSettings call_settings;
    const auto ask_status = [id](auto& driver, const Call& call) {
      Status out;
      driver.exit_status(id, "", out, call);
      return out;
    };
    status = co_await at.drivers.call(runtime_of(*container), Pool::quick, call_settings, ask_status);
  } catch (const Error& error) {
    // The shim was killed: nobody knows how the process ended.
    if (error.code() != Errc::not_found && error.code() != Errc::conflict) throw;
  }
  co_return status;
}

awaitable<void> Service::Impl::ended(Held& held) {
  const std::string id = held.container->id;
  const Status status = co_await exit_status(held.container);
  held.live->trace.step("exit_status");
  stop_health(id);
  stop_oom(id);
  const auto latest = table.find(id);
  const bool told = latest && latest->oom_killed;
  if (status.oom_killed && !told) publish("oom", *held.container);
  // Those that were never started; of the others somebody may ask yet how they ended.
  std::erase_if(execs, [&](const auto& exec) { return exec.second->container_id == id && !exec.second->started; });

  Container outcome = *held.container;
  outcome.exit_code = status.code;
  const bool given_up = ending || held.live->removals > 0 || held.live->restart_cancelled;
  const bool again = !given_up && asks_for_restart(outcome);
  const bool forget = !again && outcome.host_config.auto_remove && !ending && held.live->restarts == 0;
  const Nanoseconds ran = status.finished_at_ns - held.container->started;
  // On record before the runtime forgets it: a crash in between loses no exit code.
  held.container = change(id, [&](Container& record) {
    record.move_to(again ? State::restarting : forget ? State::removing : State::exited);
    record.pid = 0;
    record.exit_code = status.code;
    record.oom_killed = record.oom_killed || status.oom_killed;
    record.finished = status.finished_at_ns;
    if (again) record.restart_count += 1;
    if (record.health) end_health(*record.health);
  });
  held.live->trace.step("commit");
  try {
    co_await free_run(id, held.container->mounts, held.container->host_config.runtime);
  } catch (const std::exception& error) {
    // It has ended all the same: who waits is told, and the next start of the daemon sweeps up.
    tell_error(id, error);
  }
  held.live->trace.step("free");
  const auto seconds = std::to_string(std::max<Nanoseconds>(ran, 0) / 1'000'000'000);
  publish("die", *held.container, {{"exitCode", std::to_string(status.code)}, {"execDuration", seconds}});
  drop_attachments(id);
  settle_waiters(*held.container, true, false);
  if (again) {
    restart_later(id, ran);
  } else if (forget) {
    co_await remove_auto(held);
  }
}

}  // namespace gantry::containers
