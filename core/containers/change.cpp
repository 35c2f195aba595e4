#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.hpp"
#include "containers/defaults.hpp"
#include "containers/impl.hpp"
#include "containers/init_process.hpp"
#include "containers/spec.hpp"
#include "containers/validate.hpp"

/// What changes a container beside starting and stopping it.
namespace gantry::containers {

namespace {

[[noreturn]] void refuse_not_running(const std::string& id) {
  throw Error{Errc::conflict, "container " + id + " is not running"};
}

// Takes over what is given; 0 and "" mean "leave".
void merge(wire::Resources& into, const wire::Resources& given) {
  const auto take = [](auto& slot, const auto& value) {
    if (value != std::remove_cvref_t<decltype(value)>{}) slot = value;
  };
  take(into.cpu_shares, given.cpu_shares);
  take(into.memory, given.memory);
  take(into.nano_cpus, given.nano_cpus);
  take(into.blkio_weight, given.blkio_weight);
  take(into.cpu_period, given.cpu_period);
  take(into.cpu_quota, given.cpu_quota);
  take(into.cpu_realtime_period, given.cpu_realtime_period);
  take(into.cpu_realtime_runtime, given.cpu_realtime_runtime);
  take(into.cpuset_cpus, given.cpuset_cpus);
  take(into.cpuset_mems, given.cpuset_mems);
  take(into.memory_reservation, given.memory_reservation);
  take(into.memory_swap, given.memory_swap);
  // As dockerd, which shows what lifts the limit as 0.
  if (given.pids_limit) into.pids_limit = std::max<std::int64_t>(*given.pids_limit, 0);
}

// What is asked for must be right by itself, whether there is such a container or not ...
void check_alone(const UpdateRequest& request) {
  if (request.restart_policy && !request.restart_policy->name.empty()) {
    validate_restart_policy(*request.restart_policy, false);
  }
  wire::Resources alone = request.resources;
  if (alone.memory == 0) alone.memory_swap = 0;  // the container may have a limit of memory
  std::vector<std::string> warnings;             // the outcome's are told, not these
  validate_resources(alone, warnings);
}

// ... and fit to what there is.
void check_update(const wire::HostConfig& host, const UpdateRequest& request, const std::string& id,
                  std::vector<std::string>& warnings) {
  const auto refuse = [&](const std::string& why) {
    throw Error{Errc::conflict, "Cannot update container " + id + ": " + why};
  };
  const wire::Resources& asked = request.resources;
  wire::Resources alone = asked;
  // A limit of memory that was set before counts for the limit with swap.
  if (alone.memory == 0 && alone.memory_swap != 0) alone.memory = host.resources.memory;
  validate_resources(alone, warnings);
  warnings.clear();  // the outcome's are told, not these
  const std::string restart = request.restart_policy ? request.restart_policy->name : "";
  if (host.auto_remove && !restart.empty() && restart != "no") {
    refuse("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
  if (asked.memory != 0 && asked.memory_swap == 0 && asked.memory > host.resources.memory_swap) {
    refuse("Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time");
  }
  if (asked.nano_cpus > 0 && (host.resources.cpu_quota > 0 || host.resources.cpu_period > 0)) {
    refuse(std::string("Conflicting options: Nano CPUs cannot be updated as CPU ") +
           (host.resources.cpu_quota > 0 ? "Quota" : "Period") + " has already been set");
  }
  if (host.resources.nano_cpus > 0 && (asked.cpu_quota > 0 || asked.cpu_period > 0)) {
    refuse(std::string("Conflicting options: CPU ") + (asked.cpu_quota > 0 ? "Quota" : "Period") +
           " cannot be updated as NanoCPUs has already been set");
  }
}

void check_connection(const Container& container, const networks::Network& network) {
  const std::string& mode = container.host_config.network_mode;
  if (joins_container(mode) || (mode == "host" && network.name != "host")) {
    throw Error{
        Errc::denied,
        "container sharing network namespace with another container or host cannot be connected to any other network"};
  }
  if (mode == "host" || network.name == "host") {
    throw Error{Errc::invalid, "container cannot be disconnected from host network or connected to host network"};
  }
  const bool alone = network.name == "none" || container.endpoints.contains("none");
  if (alone && !container.endpoints.empty()) {
    throw Error{Errc::invalid,
                "container cannot be connected to multiple networks with one of the networks in private (none) mode"};
  }
}

// Of what does not run the settings may be given again.
void check_absent(const Container& container, const networks::Network& network) {
  if (!is_alive(container.state) || !container.endpoints.contains(network.name)) return;
  throw Error{Errc::denied, "endpoint with name " + container.name + " already exists in network " + network.name};
}

}  // namespace

awaitable<void> Service::Impl::freeze(Container container) {
  plugins::CallSettings call_settings;
  const auto ask_to_pause = [id = container.id](auto& driver, const Call& call) { driver.pause(id, call); };
  co_await at.drivers.call(runtime_of(container), Pool::quick, call_settings, ask_to_pause);
}

awaitable<void> Service::pause(std::string name, bool passing) {
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  if (held.container->state == State::paused) throw Error{Errc::conflict, "Container " + id + " is already paused"};
  if (held.container->state == State::restarting)
    throw Error{Errc::conflict, "Container " + id + " is restarting, wait until the container is running"};
  if (held.container->state != State::running) throw Error{Errc::conflict, "container " + id + " is not running"};
  held.container = impl_->change(id, [](Container& record) { record.pausing = true; });
  std::exception_ptr failure;
  try {
    co_await impl_->freeze(*held.container);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    held.container = impl_->change(id, [](Container& record) { record.pausing = false; });
    std::rethrow_exception(failure);
  }
  impl_->stop_health(id);
  held.container = impl_->change(id, [passing](Container& record) {
    record.move_to(State::paused);
    record.pausing = passing;
    if (record.health) end_health(*record.health);
  });
  impl_->publish("pause", *held.container);
}

awaitable<void> Service::unpause(std::string name) {
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  if (held.container->state != State::paused) throw Error{Errc::conflict, "Container " + id + " is not paused"};
  co_await impl_->resume(held);
  impl_->publish("unpause", *held.container);
}

awaitable<void> Service::rename(std::string name, std::string new_name) {
  if (new_name.empty()) throw Error{Errc::invalid, "Neither old nor new names may be empty"};
  if (new_name.starts_with('/')) new_name.erase(0, 1);
  Held held = co_await impl_->hold(name);
  const std::string old_name = held.container->name;
  const std::string id = held.container->id;
  if (old_name == new_name) {
    throw Error{Errc::invalid, "Renaming a container with the same name as its current name"};
  }
  try {
    impl_->check_name(new_name);
  } catch (const Error& error) {
    std::string why = error.what();
    const std::string bad = "Invalid container name (";
    if (why.starts_with(bad)) why.insert(bad.size(), "/");
    throw Error{error.code(), "Error when allocating new name: " + why};
  }
  held.container = impl_->change(id, [&](Container& record) { record.name = new_name; });
  impl_->names.erase(old_name);
  impl_->names[new_name] = id;
  impl_->at.networks.rename_container(id, new_name);
  if (is_alive(held.container->state)) {
    // The names that other containers find it by.
    held.container = impl_->change(id, [&](Container& record) {
      record.last_endpoints = impl_->describe(record, impl_->at.networks.sandbox(id));
    });
  }
  impl_->publish("rename", *held.container, {{"oldName", "/" + old_name}});
}

awaitable<std::vector<std::string>> Service::update(std::string name, UpdateRequest request) {
  std::vector<std::string> warnings;
  std::vector<std::string> discarded;
  discard_weights(request.resources, discarded);
  check_alone(request);
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  if (held.container->state == State::removing || held.container->state == State::dead) {
    throw Error{Errc::conflict,
                "Cannot update container " + id + ": Container is marked for removal and cannot be \"update\"."};
  }
  wire::HostConfig host = held.container->host_config;
  check_update(host, request, id, warnings);
  merge(host.resources, request.resources);
  if (request.resources.nano_cpus > 0) host.resources.cpu_period = host.resources.cpu_quota = 0;
  if (request.resources.cpu_period > 0 || request.resources.cpu_quota > 0) host.resources.nano_cpus = 0;
  wire::Resources outcome = host.resources;
  outcome.memory_reservation = 0;  // as dockerd, measured with the limit only where both are given
  validate_resources(outcome, warnings);
  warnings.insert(warnings.end(), discarded.begin(), discarded.end());
  if (request.restart_policy && !request.restart_policy->name.empty()) host.restart_policy = *request.restart_policy;
  const auto resources = build_resources(host.resources);
  if (is_alive(held.container->state)) {
    plugins::CallSettings call_settings;
    const auto ask_to_update = [id, resources](auto& driver, const Call& call) { driver.update(id, resources, call); };
    co_await impl_->at.drivers.call(impl_->runtime_of(*held.container), Pool::quick, call_settings, ask_to_update);
  }
  held.container = impl_->change(id, [&](Container& record) {
    record.host_config.resources = host.resources;
    record.host_config.restart_policy = host.restart_policy;
  });
  if (is_alive(held.container->state)) impl_->watch_oom(*held.container);
  impl_->publish("update", *held.container);
  co_return warnings;
}

awaitable<void> Service::resize(std::string name, std::uint16_t rows, std::uint16_t columns) {
  const auto container = impl_->find(name);
  const std::string id = container->id;
  if (!is_alive(container->state)) refuse_not_running(id);
  plugins::CallSettings call_settings;
  const auto ask_to_resize = [id, rows, columns](auto& driver, const Call& call) {
    driver.resize(id, "", rows, columns, call);
  };
  co_await impl_->at.drivers.call(impl_->runtime_of(*container), Pool::quick, call_settings, ask_to_resize);
  impl_->publish("resize", *container, {{"height", std::to_string(rows)}, {"width", std::to_string(columns)}});
}

awaitable<void> Service::connect(std::string name, std::string network, wire::EndpointSettings settings) {
  if (name.empty()) throw Error{Errc::invalid, "invalid name or ID supplied: \"\""};
  Held held = co_await impl_->hold(name);
  const std::string id = held.container->id;
  const auto wanted = impl_->at.networks.get(network);
  check_connection(*held.container, *wanted);
  const networks::EndpointRequest asked = endpoint_request(wanted->name, settings);
  impl_->at.networks.check(asked);
  check_absent(*held.container, *wanted);
  networks::Sandbox sandbox;
  if (is_alive(held.container->state)) {
    const auto& record = *held.container;
    const UniqueFd netns = open_network(record.host_config.network_mode, record.pid, record.start_time_ticks);
    if (!netns) throw_errno("cannot open the network namespace of container " + id);
    auto all = impl_->sandbox_request(*held.container);
    const auto joined = co_await impl_->at.networks.connect(std::move(all), asked, netns.get());
    sandbox = impl_->at.networks.sandbox(id);
    const networks::Endpoint left;
    co_await impl_->update_sandbox_files(held.container, sandbox, joined, left);
  }
  held.container = impl_->change(id, [&](Container& record) {
    record.endpoints[wanted->name] = settings;
    if (is_alive(record.state)) record.last_endpoints = impl_->describe(record, sandbox);
  });
}

awaitable<void> Service::disconnect(std::string name, std::string network, bool force) {
  if (name.empty()) throw Error{Errc::invalid, "invalid name or ID supplied: \"\""};
  if (force && !impl_->is_known(name)) {
    const auto wanted = impl_->at.networks.get(network);
    throw Error{Errc::not_found, "endpoint " + name + " not found"};
  }
  Held held = co_await impl_->hold(name);
  const auto wanted = impl_->at.networks.get(network);
  const std::string id = held.container->id;
  if (!held.container->endpoints.contains(wanted->name)) {
    // dockerd's words depend on it, too.
    const char* article = is_alive(held.container->state) ? "" : "the ";
    throw Error{Errc::denied, "container " + id + " is not connected to " + article + "network " + wanted->name};
  }
  if (held.container->host_config.network_mode == "host") {
    throw Error{Errc::invalid, "container cannot be disconnected from host network or connected to host network"};
  }
  if (is_alive(held.container->state)) {
    const auto left = co_await impl_->at.networks.disconnect(id, wanted->id);
    const auto sandbox = impl_->at.networks.sandbox(id);
    const networks::Endpoint joined;
    co_await impl_->update_sandbox_files(held.container, sandbox, joined, left);
  }
  held.container = impl_->change(id, [&](Container& record) {
    record.endpoints.erase(wanted->name);
    record.last_endpoints.erase(wanted->name);
  });
}

}  // namespace gantry::containers
