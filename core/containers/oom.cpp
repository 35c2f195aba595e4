#include <boost/asio/detached.hpp>

#include "containers/impl.hpp"
#include "gantry/oom_watch.hpp"

/// A process of a running container was killed for want of memory: told at once, as the container may run on.
namespace gantry::containers {

namespace {

using runtime::v1::OomWatch;

OomWatch& oom_watch(runtime::v1::Driver& driver) {
  auto* const able = static_cast<OomWatch*>(driver.query(OomWatch::kAbility));
  if (able != nullptr) return *able;
  throw Error{Errc::unsupported, "the runtime tells nothing of a lack of memory"};
}

}  // namespace

// Where there is no limit nothing is watched: what the whole host runs out of is told at the container's end.
void Service::Impl::watch_oom(const Container& container) {
  const auto its = live(container.id);
  if (container.host_config.resources.memory <= 0 || its->oom_run == its->run) return;
  if (!runtime_of(container).can(OomWatch::kAbility)) return;
  its->oom_run = its->run;
  asio::co_spawn(executor, follow_oom(container.id, its->run), asio::detached);
}

void Service::Impl::stop_oom(const std::string& id) {
  const auto its = live(id);
  if (its->oom) its->oom->cancel();
  its->oom.reset();
}

awaitable<void> Service::Impl::follow_oom(std::string id, std::uint64_t run) {
  const auto its = live(id);
  const auto runs = [this, id, its, run] {
    const auto container = table.find(id);
    return container && its->run == run && is_alive(container->state) ? container : nullptr;
  };
  try {
    auto container = runs();
    if (!container) co_return;
    const auto driver = runtime_of(*container);
    plugins::CallSettings call_settings;
    const auto ask_to_watch = [id](auto& runtime, const Call& call) {
      UniqueFd changed;
      oom_watch(runtime).watch_oom(id, changed, call);
      return changed;
    };
    UniqueFd changed = co_await at.drivers.call(driver, Pool::quick, call_settings, ask_to_watch);
    if (!runs()) co_return;
    const auto watch = std::make_shared<asio::posix::stream_descriptor>(executor, changed.release());
    its->oom = watch;
    const auto seen = std::make_shared<std::uint64_t>(0);
    const auto ask_whether = [id, watch, seen](auto& runtime, const Call& call) {
      return oom_watch(runtime).has_struck(id, watch->native_handle(), *seen, call);
    };
    for (;;) {
      boost::system::error_code failed;
      co_await watch->async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed || !runs()) co_return;
      const bool struck = co_await at.drivers.call(driver, Pool::quick, call_settings, ask_whether);
      container = runs();
      if (!container) co_return;
      if (!struck) continue;
      if (!container->oom_killed) change(id, [](Container& record) { record.oom_killed = true; });
      publish("oom", *container);
    }
  } catch (const Error&) {
    // It has ended, or its cgroup cannot be watched: the end of the run tells.
  }
}

}  // namespace gantry::containers
