#include <boost/asio/detached.hpp>

#include "containers/concurrent.hpp"
#include "containers/failure.hpp"
#include "containers/impl.hpp"

namespace gantry::containers {

namespace {

constexpr std::chrono::milliseconds kFirstBackoff{100};
constexpr std::chrono::minutes kLongestBackoff{1};
constexpr Nanoseconds kLongRun = 10'000'000'000;  // after that much the back-off starts anew

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
    at.bus.publish({"daemon", "error", id, {{"message", error.what()}}, 0});
  }
}

bool Service::Impl::wants_restart(const Container& container) const {
  if (ending || container.stopped_by_user) return false;
  const auto& policy = container.host_config.restart_policy;
  if (policy.name == "always" || policy.name == "unless-stopped") return true;
  if (policy.name != "on-failure" || container.exit_code == 0) return false;
  return policy.maximum_retry_count == 0 || container.restart_count < policy.maximum_retry_count;
}

awaitable<void> Service::Impl::end_runtime(std::string id, std::string runtime) {
  plugins::CallSettings call_settings;
  const auto ask_to_remove = [id](auto& driver, const Call& call) { driver.remove(id, call); };
  co_await at.drivers.call(at.drivers.runtime(runtime), Pool::quick, call_settings, ask_to_remove);
}

awaitable<void> Service::Impl::release_volumes(std::string id, std::vector<MountPoint> mounts) {
  for (const MountPoint& place : mounts) {
    if (place.type == "volume") co_await at.volumes.release(place.name, id);
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
  if (status.oom_killed) publish("oom", *held.container);
  std::erase_if(execs, [&](const auto& exec) { return exec.second->container_id == id && !exec.second->running; });

  Container outcome = *held.container;
  outcome.exit_code = status.code;
  const bool again = wants_restart(outcome) && !held.live->removing;
  const bool forget = !again && outcome.host_config.auto_remove && !ending;
  const Nanoseconds ran = status.finished_at_ns - held.container->started;
  // On record before the runtime forgets it: a crash in between loses no exit code.
  held.container = change(id, [&](Container& record) {
    record.move_to(again ? State::restarting : forget ? State::removing : State::exited);
    record.pid = 0;
    record.exit_code = status.code;
    record.oom_killed = status.oom_killed;
    record.finished = status.finished_at_ns;
    if (record.health) end_health(*record.health);
  });
  held.live->trace.step("commit");
  co_await free_run(id, held.container->mounts, held.container->host_config.runtime);
  held.live->trace.step("free");
  const auto seconds = std::to_string(std::max<Nanoseconds>(ran, 0) / 1'000'000'000);
  publish("die", *held.container, {{"exitCode", std::to_string(status.code)}, {"execDuration", seconds}});
  drop_attachments(id);
  settle_waiters(*held.container, true, false);
  if (again) {
    if (ran > kLongRun) held.live->backoff = {};
    restart_later(id);
  } else if (forget) {
    co_await remove_auto(held);
  }
}

void Service::Impl::restart_later(const std::string& id) {
  const auto its = live(id);
  its->backoff = its->backoff.count() == 0 ? kFirstBackoff
                                           : std::min<std::chrono::milliseconds>(its->backoff * 2, kLongestBackoff);
  its->restart_timer = std::make_shared<asio::steady_timer>(executor, its->backoff);
  asio::co_spawn(executor, restart_after(id, its->restart_timer), asio::detached);
}

awaitable<void> Service::Impl::restart_after(std::string id, std::shared_ptr<asio::steady_timer> timer) {
  boost::system::error_code cancelled;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (cancelled || ending) co_return;
  co_await start_by_policy(id);
}

awaitable<void> Service::Impl::start_by_policy(std::string id) {
  bool again = false;
  try {
    Held held = co_await hold(id);
    if (held.container->state != State::restarting || ending) co_return;
    held.live->restart_timer.reset();
    const int count = held.container->restart_count + 1;
    again = true;
    co_await start(held);
    held.container = change(id, [count](Container& record) { record.restart_count = count; });
    co_return;
  } catch (const Error&) {
    // `start` has put the reason on record; dockerd goes on trying.
  }
  if (!again) co_return;
  try {
    Held held = co_await hold(id);
    if (held.container->state != State::exited || !wants_restart(*held.container)) co_return;
    held.container = change(id, [](Container& record) {
      record.move_to(State::restarting);
      record.restart_count += 1;
    });
    restart_later(id);
  } catch (const Error&) {
    // Removed meanwhile.
  }
}

}  // namespace gantry::containers
