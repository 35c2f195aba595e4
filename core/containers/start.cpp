#include <algorithm>

#include "containers/concurrent.hpp"
#include "containers/defaults.hpp"
#include "containers/failure.hpp"
#include "containers/impl.hpp"
#include "containers/init_process.hpp"
#include "containers/links.hpp"
#include "containers/mount_points.hpp"
#include "containers/spec.hpp"
#include "containers/user_namespace.hpp"
#include "system/apparmor.hpp"

namespace gantry::containers {

namespace {

using runtime::v1::Running;

// What comes out of the driver's create; move-only, so it travels by pointer.
using Process = std::shared_ptr<Running>;

void check_startable(const Container& container) {
  switch (container.state) {
    case State::paused:
      throw Error{Errc::conflict, "cannot start a paused container, try unpause instead"};
    case State::removing:
      throw Error{Errc::conflict, "container is marked for removal and cannot be started"};
    case State::dead:
      throw Error{Errc::conflict, "container is marked for removal and cannot be started"};
    default:
      return;
  }
}

// The runtime found them by their numbers: if they still have those, it has joined what was meant.
void check_joined(std::vector<UniqueFd>& inits) {
  if (std::any_of(inits.begin(), inits.end(), has_ended)) {
    throw Error{Errc::conflict, "cannot join the namespaces of a container that has just ended"};
  }
  inits.clear();
}

}  // namespace

plugins::RuntimeDriver Service::Impl::runtime_of(const Container& container) const {
  try {
    return at.drivers.runtime(container.host_config.runtime);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
    throw Error{Errc::invalid, error.what()};
  }
}

awaitable<runtime::v1::Spec> Service::Impl::make_spec(std::shared_ptr<const Container> container) {
  SpecInputs inputs;
  const auto its = live(container->id);
  if (its->root.empty()) {
    const std::string key = container->id;
    plugins::CallSettings call_settings;
    const auto ask_mounts = [key](auto& driver, const Call& call) {
      std::vector<Mount> mounts;
      driver.mounts(key, mounts, call);
      return mounts;
    };
    its->root = co_await at.drivers.call(at.drivers.storage(), Pool::quick, call_settings, ask_mounts);
  }
  inputs.root = its->root;
  for (const MountPoint& place : container->mounts) {
    if (place.type != "volume") continue;
    auto attributes = mount_attributes(place);
    inputs.volumes[place.destination] = co_await at.volumes.acquire(place.name, container->id, std::move(attributes));
  }
  inputs.images = co_await prepare_images(container);
  const auto& host = container->host_config;
  inputs.hostname = container->config.hostname;
  std::string files = folder(container->id);
  its->joined.clear();
  const auto join = [&](const char* kind, const char* file, const std::string& mode) -> Snapshot {
    if (!joins_container(mode)) return nullptr;
    auto other = find(joined_container(mode));
    UniqueFd init;
    if (is_alive(other->state)) init = open_init(other->pid, other->start_time_ticks);
    if (!init) {
      if (kind == std::string("network")) {
        throw Error{Errc::conflict, "cannot join network of a non running container: " + other->id};
      }
      const std::string name = kind == std::string("pid") ? "PID" : "IPC";
      throw Error{Errc::conflict, "failed to join " + name + " namespace: container " + other->id + " is not running"};
    }
    its->joined.push_back(std::move(init));
    inputs.joined[kind] = "/proc/" + std::to_string(other->pid) + "/ns/" + file;
    return other;
  };
  if (const auto other = join("network", "net", host.network_mode)) {
    files = folder(other->id);
    inputs.hostname = other->config.hostname;
  }
  join("pid", "pid", host.pid_mode);
  if (const auto other = join("ipc", "ipc", host.ipc_mode)) {
    if (other->host_config.ipc_mode == "private") {
      throw Error{Errc::conflict, "failed to join IPC namespace: container " + other->id +
                                      ": non-shareable IPC (hint: use IpcMode:shareable for the donor container)"};
    }
    inputs.joined_shm = "/proc/" + std::to_string(other->pid) + "/ns/mnt";
  }
  const bool remapped = is_remapped(host, settings);
  if (remapped) {
    check_user_namespace(host, settings);
    inputs.joined_user = joined_user_namespace(inputs.joined);
  }
  if (const auto& requests = host.resources.device_requests; !requests.empty()) {
    const auto look_up = [&] { return named_devices(requests, settings.cdi_spec_dirs); };
    inputs.cdi = co_await at.workers.run(Pool::quick, look_up);
  }
  const auto others = linked(*container);
  for (const auto& [alias, other] : others) {
    const auto variables = link_environment(container->name, alias, *other);
    inputs.link_env.insert(inputs.link_env.end(), variables.begin(), variables.end());
  }
  inputs.lent_env = its->lent_env;
  inputs.hosts = files + "/hosts";
  inputs.hostname_file = files + "/hostname";
  inputs.resolv_conf = files + "/resolv.conf";
  inputs.log = co_await plan_log(container);
  auto spec = build_spec(*container, inputs, settings);
  if (spec.process.apparmor_profile == system::kDefaultAppArmorProfile) {
    co_await at.workers.run(Pool::quick, [] { system::load_default_apparmor_profile(); });
  }
  const auto runtime = runtime_of(*container);
  if (remapped && !(runtime.can("user-namespace") && runtime.can("idmap"))) {
    throw Error{Errc::unsupported,
                "runtime " + host.runtime + " cannot run containers in user namespaces: use --userns=host"};
  }
  if (!runtime.can("bind-lookup") && needs_bind_lookup(spec.mounts)) {
    throw Error{Errc::unsupported, "runtime " + host.runtime + " cannot mount a part of a volume or of an image, " +
                                       "nor another container's /dev/shm"};
  }
  co_return spec;
}

// From the record `starting` to the record `running`; whoever calls it undoes what is there if it throws.
awaitable<void> Service::Impl::run(Held& held) {
  const Snapshot container = held.container;
  const std::string id = container->id;
  Trace& trace = held.live->trace;
  const auto driver = runtime_of(*container);
  const auto spec = std::make_shared<runtime::v1::Spec>(co_await make_spec(container));
  if (!held.live->files_written && !joins_container(container->host_config.network_mode)) {
    const auto files = sandbox_files(*container, {});
    co_await at.workers.run(Pool::quick, [&files] { write(files); });
    held.live->files_written = true;
  }
  for (const wire::MountRequest& mount : container->host_config.mounts) {
    if (std::string conflict = readonly_conflict(mount); !conflict.empty()) {
      throw Error{Errc::internal, std::move(conflict)};
    }
  }
  const auto is_bind = [](const MountPoint& place) { return place.type == "bind"; };
  if (std::any_of(container->mounts.begin(), container->mounts.end(), is_bind)) {
    std::optional<HostOwner> owner;
    if (!spec->uid_map.empty()) owner = HostOwner{spec->uid_map.front().outside, spec->gid_map.front().outside};
    co_await at.workers.run(Pool::quick, [&container, &owner, &spec] {
      make_bind_sources(container->mounts, owner);
      if (owner) check_mapped_binds(spec->mounts);
    });
  }
  // What others may read, not what is the driver's own affair.
  const std::string log_path = log_driver_of(*container).can("path") ? spec->log.path : "";
  held.live->tried_log = log_path;
  trace.step("spec");

  plugins::CallSettings call_settings;
  const auto ask_to_create = [spec](auto& runtime, const Call& call) {
    auto running = std::make_shared<Running>();
    runtime.create(*spec, *running, call);
    return running;
  };
  const Process process = co_await at.drivers.call(driver, Pool::quick, call_settings, ask_to_create);
  trace.step("runtime.create");
  check_joined(held.live->joined);

  const networks::Sandbox sandbox = co_await join_networks(container, process->pid, process->start_time);
  trace.step("networks.attach");
  co_await connect_attachments(id);
  trace.step("attachments");

  // The process may read its files at once, so they are right before it runs: one trip to a worker for both.
  const auto files = std::make_shared<SandboxFiles>(sandbox_files(*container, sandbox));
  const auto ask_to_start = [id, files](auto& runtime, const Call& call) {
    write(*files);
    runtime.start(id, call);
  };
  co_await at.drivers.call(driver, Pool::quick, call_settings, ask_to_start);
  trace.step("runtime.start");

  held.container = change(id, [&](Container& record) {
    record.move_to(State::running);
    record.exit_code = 0;
    record.pid = process->pid;
    record.start_time_ticks = process->start_time;
    record.started = now();
    note_sandbox(record, log_path);
    record.last_endpoints = describe(record, sandbox);
    if (has_health_check(record.config)) begin_health(record.health ? *record.health : record.health.emplace());
  });
  trace.step("commit");
  watch(id, ++held.live->run, std::move(process->exit_fd));
  co_await tell_linking(held.container);
  start_health(id);
  watch_oom(*held.container);
  co_await connect_attachments(id);  // of those that came meanwhile
}

void Service::Impl::note_sandbox(Container& record, std::string log_path) const {
  record.sandboxed = true;
  record.log_path = std::move(log_path);
  const std::string& mode = record.host_config.network_mode;
  if (!joins_container(mode) || !is_known(joined_container(mode))) return;
  const auto other = find(joined_container(mode));
  record.config.hostname = other->config.hostname;
  record.config.domainname = other->config.domainname;
}

awaitable<void> Service::Impl::undo_start(std::string id, std::vector<MountPoint> mounts, std::string runtime) {
  drop_attachments(id);
  co_await free_run(id, std::move(mounts), std::move(runtime));
}

awaitable<bool> Service::Impl::start(Held& held, Starter starter) {
  if (held.container->state == State::running) co_return false;
  // As dockerd: what waits for its restart counts as running.
  if (held.container->state == State::restarting && starter == Starter::user) co_return false;
  check_startable(*held.container);
  if (held.live->restart_timer) held.live->restart_timer->cancel();
  held.live->restart_timer.reset();
  const bool again = starter == Starter::restart_policy;
  if (!again) held.live->backoff = {};
  held.live->restart_cancelled = false;
  held.live->tried_log.reset();
  const State before = held.container->state;
  const int code_before = held.container->exit_code;
  const std::string id = held.container->id;
  if (held.live->run != 0) held.live->trace.clear();
  held.live->trace.begin("start");
  held.container = change(id, [again](Container& record) {
    record.move_to(State::starting);
    if (!again) record.restart_count = 0;
    record.error.clear();
    record.stopped_by_user = false;
    record.pausing = false;
    record.oom_killed = false;
    if (!again) record.exit_code = 0;
  });
  held.live->trace.step("intent");
  std::exception_ptr failure;
  try {
    co_await run(held);
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) {
    publish("start", *held.container);
    co_return true;
  }
  const StartFailure told = describe_start_failure(failure);
  held.live->joined.clear();
  co_await undo_start(id, held.container->mounts, held.container->host_config.runtime);
  held.container = change(id, [&](Container& record) {
    record.move_to(before == State::restarting ? State::exited : before);
    record.pid = 0;
    // As in dockerd, the last run's code stays unless this failure has one of its own.
    const bool kept = again || (told.exit_code == kNotStarted && code_before != 0);
    record.exit_code = kept ? code_before : told.exit_code;
    record.error = told.error.what();
    if (held.live->tried_log) note_sandbox(record, *held.live->tried_log);
  });
  // As in dockerd, who waits for the next exit goes on waiting: the one who asked for the start is told.
  if (before == State::restarting) settle_waiters(*held.container, true, false);
  if (held.container->host_config.auto_remove) co_await remove_auto(held);
  throw told.error;
}

awaitable<bool> Service::start(std::string name) {
  Held held = co_await impl_->hold(name);
  co_return co_await impl_->start(held, Impl::Starter::user);
}

}  // namespace gantry::containers
