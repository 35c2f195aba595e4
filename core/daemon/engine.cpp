#include "daemon/engine.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "api/build.hpp"
#include "api/containers.hpp"
#include "api/disk_usage.hpp"
#include "api/exec.hpp"
#include "api/images.hpp"
#include "api/networks.hpp"
#include "api/plugins.hpp"
#include "api/system.hpp"
#include "api/volumes.hpp"
#include "base/lock_file.hpp"
#include "build/service.hpp"
#include "containers/cdi.hpp"
#include "containers/service.hpp"
#include "daemon/driver_config.hpp"
#include "daemon/part_settings.hpp"
#include "daemon/userns_remap.hpp"
#include "events/bus.hpp"
#include "images/service.hpp"
#include "networks/service.hpp"
#include "plugins/drivers.hpp"
#include "plugins/look_up.hpp"
#include "state/store.hpp"
#include "system/service.hpp"
#include "volumes/service.hpp"

namespace gantry::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kQuickThreads = 8;
constexpr std::size_t kSlowThreads = 12;
constexpr std::chrono::seconds kCheckpointInterval{10};

std::size_t downloads(const Config& config) {
  return static_cast<std::size_t>(config.max_concurrent_downloads == 0 ? kDefaultDownloads
                                                                       : config.max_concurrent_downloads);
}

std::size_t uploads(const Config& config) {
  return static_cast<std::size_t>(config.max_concurrent_uploads == 0 ? kDefaultUploads : config.max_concurrent_uploads);
}

// A pull occupies two threads for each of its layers, a push one, and others want to work beside them.
std::size_t slow_threads(const Config& config) {
  return std::max(kSlowThreads, std::max(2 * downloads(config), uploads(config)) + 4);
}

// Errors: io.
const Config& with_folders(const Config& config) {
  for (const std::string& folder : {config.data_root, config.exec_root}) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw_errno("cannot make " + folder, failed.value());
    // Containers' users pass through to what is theirs; they don't list it.
    if (::chmod(folder.c_str(), 0711) != 0) throw_errno("cannot change the mode of " + folder);
  }
  return config;
}

// The commit log is written into the database away from every commit, and only when there is something in it.
awaitable<void> checkpoint_now_and_then(state::Store& store, Workers& workers, fs::path log) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  fs::file_time_type seen{};
  for (;;) {
    timer.expires_after(kCheckpointInterval);
    co_await timer.async_wait(asio::use_awaitable);
    std::error_code missing;
    const auto written = fs::last_write_time(log, missing);
    if (missing || written == seen) continue;
    seen = written;
    try {
      co_await workers.run(Pool::slow, [&store] { store.checkpoint(); });
    } catch (const Error& error) {
      spdlog::warn("state: cannot move the log into the database: {}", error.what());
    }
    ::malloc_trim(0);
  }
}

}  // namespace

struct Engine::Impl {
  Impl(asio::io_context& io, const Config& given);

  void add_routes();
  void wire_nouns();
  awaitable<std::vector<wire::FoundDevice>> known_devices();
  awaitable<void> look_up_plugins(plugins::DriverInfo driver);
  [[nodiscard]] std::string user_of(const plugins::DriverInfo& driver, bool running) const;
  [[nodiscard]] bool has_volume(const plugins::DriverInfo& driver, const volumes::Volume& volume) const;
  [[nodiscard]] bool runs_by(const containers::Container& container, const std::string& driver) const;

  asio::io_context& context;
  Config config;
  const IdMaps remapped;
  UniqueFd exec_root;  ///< Locked: what lies there is that of running containers.
  fs::path state_file;
  state::Store store;
  events::Bus bus;
  Workers workers;
  plugins::Drivers drivers;
  networks::Service networks;
  volumes::Service volumes;
  images::Service images;
  containers::Service containers;
  build::Service builds;
  system::Service system;

  api::Router router;
  api::System system_api;
  api::Plugins plugins_api;
  api::Containers containers_api;
  api::Exec exec_api;
  api::Images images_api;
  api::Networks networks_api;
  api::Volumes volumes_api;
  api::Build build_api;
};

namespace {

plugins::Drivers& loaded(plugins::Drivers& drivers) {
  drivers.load();
  return drivers;
}

}  // namespace

Engine::Impl::Impl(asio::io_context& io, const Config& given)
    : context(io),
      config(with_folders(given)),
      remapped(remapped_ids(config.userns_remap, true)),
      exec_root(
          lock_file(fs::path{config.exec_root} / "gantryd.lock", "the exec root " + config.exec_root, "--exec-root")),
      state_file(fs::path{config.data_root} / "state.db"),
      store(state_file),
      workers(kQuickThreads, slow_threads(config)),
      drivers(make_driver_config(config), workers),
      networks(store, bus, loaded(drivers), workers),
      volumes(store, bus, drivers, workers),
      images(store, bus, drivers, workers, config.data_root),
      containers(io.get_executor(), {store, bus, drivers, workers, images, networks, volumes},
                 container_settings(config, remapped)),
      builds({bus, drivers, workers, images, containers}),
      system(system_settings(config, remapped), bus, drivers),
      system_api(system, bus),
      plugins_api(system),
      containers_api(containers, images),
      exec_api(containers),
      images_api(images, workers),
      networks_api(networks, bus, containers_api.network_peers()),
      volumes_api(volumes, workers),
      build_api(builds) {
  wire_nouns();
  add_routes();
  asio::co_spawn(context, checkpoint_now_and_then(store, workers, state_file.string() + "-wal"), asio::detached);
}

void Engine::Impl::wire_nouns() {
  images.set_concurrency(downloads(config), uploads(config));
  system.set_counts([this] {
    system::Counts counts;
    counts.images = static_cast<int>(images.count());
    for (const auto& container : containers.all()) {
      if (container->state == containers::State::paused) {
        ++counts.paused;
      } else if (container->state == containers::State::running || container->state == containers::State::restarting) {
        ++counts.running;
      } else {
        ++counts.stopped;
      }
    }
    return counts;
  });
  system.set_devices([this] { return known_devices(); });
  system.set_plugin_use(
      {[this](const plugins::DriverInfo& driver, bool running) { return user_of(driver, running); },
       [this](plugins::DriverInfo driver) { return look_up_plugins(std::move(driver)); },
       [this](auto prepare, auto replace) { return networks.take_over(std::move(prepare), std::move(replace)); }});
  const auto teach = [this](auto driver, std::function<void()> ready) {
    asio::post(context, [this, driver = std::move(driver), ready = std::move(ready)] {
      asio::co_spawn(context, networks.relearn(driver), [ready](const std::exception_ptr&) { ready(); });
    });
  };
  drivers.set_teach({teach, teach});
  builds.cache().set(cache_settings(config.builder));
  api::add_disk_usage(system_api, containers, images, volumes, builds.cache());
}

awaitable<std::vector<wire::FoundDevice>> Engine::Impl::known_devices() {
  const std::vector<std::string> folders = system.settings().cdi_spec_dirs;
  const auto look = [&folders] { return containers::all_cdi_names(folders); };
  const std::vector<std::string> names = co_await workers.run(Pool::quick, look);
  std::vector<wire::FoundDevice> devices;
  for (const std::string& name : names) devices.push_back({"cdi", name});
  co_return devices;
}

// With networks and volumes a driver's new version finds what the old one left.
std::string Engine::Impl::user_of(const plugins::DriverInfo& driver, bool running) const {
  if (!running) {
    if (std::string user = networks.user_of(driver); !user.empty()) return user;
    for (const auto& volume : volumes.list()) {
      if (driver.kind == "volume" && has_volume(driver, *volume)) return "volume " + volume->name;
    }
  }
  for (const auto& container : containers.all()) {
    const bool uses = driver.kind == "runtime"
                          ? runs_by(*container, driver.name)
                          : driver.kind == "log" && !running && container->host_config.log_config.type == driver.name;
    const bool at_rest = container->pid == 0;
    if (uses && !(running && at_rest)) return "container " + container->name;
  }
  return {};
}

awaitable<void> Engine::Impl::look_up_plugins(plugins::DriverInfo driver) {
  if (std::ranges::count(driver.capabilities, "named-plugins") == 0) co_return;
  std::set<std::string> names;
  for (const auto& volume : volumes.list()) names.insert(volume->driver);
  if (driver.kind != "volume") names.clear();
  for (const auto& network : networks.list()) {
    if (driver.kind == "network") names.insert(network->driver);
    if (driver.kind == "ipam") names.insert(network->ipam_driver);
  }
  co_await plugins::look_up_all(drivers, driver.kind, names);
}

// By the file: a driver that stands for others' plugins has objects under their names.
bool Engine::Impl::has_volume(const plugins::DriverInfo& driver, const volumes::Volume& volume) const {
  try {
    return drivers.volume(volume.driver).info().file == driver.file;
  } catch (const Error&) {
    return false;
  }
}

bool Engine::Impl::runs_by(const containers::Container& container, const std::string& driver) const {
  try {
    return drivers.runtime(container.host_config.runtime).name() == driver;
  } catch (const Error&) {
    return false;
  }
}

void Engine::Impl::add_routes() {
  system_api.add_routes(router);
  plugins_api.add_routes(router);
  containers_api.add_routes(router);
  exec_api.add_routes(router);
  images_api.add_routes(router);
  networks_api.add_routes(router);
  volumes_api.add_routes(router);
  build_api.add_routes(router);
}

Engine::Engine(asio::io_context& context, const Config& config) : impl_(std::make_unique<Impl>(context, config)) {}

Engine::~Engine() = default;

awaitable<void> Engine::recover() {
  networks::Settings network_settings;
  network_settings.bridge = impl_->config.bridge;
  network_settings.default_ipv6 = impl_->config.ipv6;
  network_settings.default_options = impl_->config.default_network_opts;
  co_await impl_->networks.start(std::move(network_settings));
  co_await impl_->volumes.start();
  co_await impl_->images.recover();
  co_await impl_->containers.recover();
  asio::co_spawn(impl_->context, impl_->builds.cache().collect(), asio::detached);
}

void Engine::check_parts(const Config& config) {
  Workers none{0, 0};
  plugins::Drivers{make_driver_config(config), none}.check();
  static_cast<void>(seccomp_profile(config.seccomp_profile));
  static_cast<void>(remapped_ids(config.userns_remap, false));
}

awaitable<AsyncMutex::Lock> Engine::hold_plugins() { return impl_->system.hold_plugins(); }

awaitable<void> Engine::reload(Config config) {
  Impl& impl = *impl_;
  const plugins::DriverConfig fresh = make_driver_config(config);
  const std::string later = co_await impl.drivers.reload(fresh);
  if (!later.empty()) spdlog::warn("reload: runtimes: what changed of {} holds from the daemon's next start", later);
  impl.config = config;
  impl.system.set_settings(system_settings(config, impl.remapped));
  impl.containers.set_live_restore(config.live_restore);
  impl.workers.provide(Pool::slow, slow_threads(config));
  impl.images.set_concurrency(downloads(config), uploads(config));
  impl.builds.cache().set(cache_settings(config.builder));
  const auto truth = [](bool value) { return std::string{value ? "true" : "false"}; };
  events::Event event;
  event.type = "daemon";
  event.action = "reload";
  event.actor = impl.system.id();
  event.attributes = {{"name", impl.system.host().name},
                      {"debug", truth(config.debug)},
                      {"labels", nlohmann::json(config.labels).dump()},
                      {"live-restore", truth(config.live_restore)},
                      {"insecure-registries", nlohmann::json(config.insecure_registries).dump()},
                      {"registry-mirrors", nlohmann::json(config.registry_mirrors).dump()},
                      {"default-runtime", impl.drivers.default_runtime()},
                      {"max-concurrent-downloads", std::to_string(downloads(config))},
                      {"max-concurrent-uploads", std::to_string(uploads(config))},
                      {"shutdown-timeout", std::to_string(config.shutdown_timeout)}};
  impl.bus.publish(std::move(event));
}

awaitable<void> Engine::shut_down() {
  // A container that does not end keeps what it does to itself: its operation is left, not cancelled half-way.
  const auto done = std::make_shared<asio::steady_timer>(impl_->context, asio::steady_timer::time_point::max());
  if (impl_->config.shutdown_timeout >= 0) done->expires_after(std::chrono::seconds{impl_->config.shutdown_timeout});
  asio::co_spawn(impl_->context, impl_->containers.shut_down(), [done](std::exception_ptr failure) {
    if (failure) spdlog::error("shutdown: not all containers were stopped");
    done->cancel();
  });
  boost::system::error_code woken;
  co_await done->async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (!woken) spdlog::warn("shutdown: containers still run after {} s", impl_->config.shutdown_timeout);
}

void Engine::close() { impl_->bus.close(); }

const api::Router& Engine::router() const { return impl_->router; }

std::string Engine::network_of(const sockaddr_storage& address) const { return impl_->networks.network_of(address); }

}  // namespace gantry::daemon
