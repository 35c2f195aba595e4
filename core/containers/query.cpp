#include <algorithm>
#include <set>

#include "base/file.hpp"
#include "containers/host_ps.hpp"
#include "containers/impl.hpp"
#include "containers/process_table.hpp"
#include "gantry/top_places.hpp"
#include "images/mount_stubs.hpp"

/// What is asked of a container without changing it.
namespace gantry::containers {

awaitable<Processes> Service::top(std::string name, std::string ps_arguments) {
  check_ps_arguments(ps_arguments);
  const auto container = impl_->find(name);
  const std::string id = container->id;
  if (container->state == State::restarting) {
    throw Error{Errc::conflict, "Container " + id + " is restarting, wait until the container is running"};
  }
  if (!is_alive(container->state)) throw Error{Errc::conflict, "container " + id + " is not running"};
  plugins::CallSettings call_settings;
  const auto ask_processes = [id](auto& driver, const Call& call) {
    std::vector<std::int64_t> out;
    driver.processes(id, out, call);
    return out;
  };
  const auto pids =
      co_await impl_->at.drivers.call(impl_->runtime_of(*container), Pool::quick, call_settings, ask_processes);
  // What nearly everybody asks for takes no process of ours.
  const bool usual = ps_arguments.empty() || ps_arguments == "-ef";
  const auto look = [usual, &ps_arguments, &pids] {
    std::optional<Processes> told;
    if (!usual) told = ask_ps(ps_arguments, pids);
    return told ? *told : read_processes(parse_ps_arguments(ps_arguments), pids);
  };
  auto processes = co_await impl_->at.workers.run(usual ? Pool::quick : Pool::slow, look);
  impl_->publish("top", *container);
  co_return processes;
}

awaitable<runtime::v1::Stats> Service::stats(std::string name) {
  const auto container = impl_->find(name);
  const std::string id = container->id;
  if (!is_alive(container->state)) throw Error{Errc::conflict, "container " + id + " is not running"};
  plugins::CallSettings call_settings;
  const auto ask_stats = [id](auto& driver, const Call& call) {
    runtime::v1::Stats out;
    driver.stats(id, out, call);
    return out;
  };
  co_return co_await impl_->at.drivers.call(impl_->runtime_of(*container), Pool::quick, call_settings, ask_stats);
}

awaitable<std::vector<storage::v1::Change>> Service::changes(std::string name) {
  const std::string id = impl_->find(name)->id;
  plugins::CallSettings call_settings;
  const auto ask_changes = [id](auto& driver, const Call& call) {
    std::vector<storage::v1::Change> out;
    driver.changes(id, out, call);
    return out;
  };
  auto changes = co_await impl_->at.drivers.call(impl_->at.drivers.storage(), Pool::slow, call_settings, ask_changes);
  images::forget_mount_stubs(changes);
  co_return changes;
}

awaitable<std::map<std::string, std::string>> Service::places(std::string id) {
  using storage::v1::TopPlaces;
  std::map<std::string, std::string> places;
  const auto container = impl_->find(id);
  if (!impl_->at.drivers.storage().can(TopPlaces::kAbility)) co_return places;
  plugins::CallSettings call_settings;
  const auto ask_places = [key = container->id](auto& driver, const Call& call) {
    std::map<std::string, std::string> out;
    auto* const able = static_cast<TopPlaces*>(driver.query(TopPlaces::kAbility));
    if (able != nullptr) able->places(key, out, call);
    return out;
  };
  try {
    places = co_await impl_->at.drivers.call(impl_->at.drivers.storage(), Pool::quick, call_settings, ask_places);
  } catch (const Error&) {
    co_return places;  // its removal is under way
  }
  // The host's mount table has no container's root; whoever looks for one finds it by the process.
  if (is_alive(container->state)) places["MergedDir"] = "/proc/" + std::to_string(container->pid) + "/root";
  co_return places;
}

awaitable<storage::v1::Usage> Service::usage(std::string id) {
  plugins::CallSettings call_settings;
  const auto ask_usage = [id](auto& driver, const Call& call) {
    storage::v1::Usage out;
    driver.usage(id, out, call);
    return out;
  };
  co_return co_await impl_->at.drivers.call(impl_->at.drivers.storage(), Pool::slow, call_settings, ask_usage);
}

}  // namespace gantry::containers
