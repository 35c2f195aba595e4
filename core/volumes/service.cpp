#include "volumes/service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/id.hpp"
#include "volumes/service_impl.hpp"

namespace gantry::volumes {

namespace {

/// dockerd gives its plugins this long.
constexpr std::chrono::minutes kMountLimit{2};

}  // namespace

Service::Service(state::Store& store, events::Bus& bus, plugins::Drivers& drivers, Workers& /*workers*/)
    : impl_(std::make_unique<Impl>(store, bus, drivers)) {}

Service::~Service() = default;

void Service::set_users(std::function<std::vector<std::string>(const std::string& volume)> users) {
  impl_->users = std::move(users);
}

std::vector<std::string> Service::users(const std::string& name) const {
  return impl_->users ? impl_->users(name) : std::vector<std::string>{};
}

std::shared_ptr<const Volume> Service::get(const std::string& name) const {
  auto volume = impl_->find(name);
  if (!volume) throw Error{Errc::not_found, "get " + name + ": no such volume"};
  return volume;
}

std::vector<std::shared_ptr<const Volume>> Service::list() const {
  std::vector<std::shared_ptr<const Volume>> volumes;
  for (const auto& [name, volume] : impl_->table.all()) {
    if (volume->phase == Phase::ready) volumes.push_back(volume);
  }
  return volumes;
}

std::string Service::scope(const Volume& volume) const {
  const auto names = impl_->drivers.names("volume");
  const bool loaded = std::find(names.begin(), names.end(), volume.driver) != names.end();
  return loaded && impl_->drivers.volume(volume.driver).can("scope-global") ? "global" : "local";
}

awaitable<std::map<std::string, std::string>> Service::status(std::shared_ptr<const Volume> volume) {
  const plugins::VolumeDriver driver = co_await impl_->drivers.use_volume(volume->driver);
  const plugins::CallSettings settings;
  const auto work = [name = volume->name](auto& target, const Call& call) {
    volume::v1::Volume out;
    target.inspect(name, out, call);
    return std::map<std::string, std::string>{out.status.begin(), out.status.end()};
  };
  co_return co_await impl_->drivers.call(driver, Pool::quick, settings, work);
}

awaitable<Service::Found> Service::get_or_create(std::string name, std::string driver, std::optional<Options> options,
                                                 std::map<std::string, std::string> labels, std::string made_for) {
  Volume wanted;
  wanted.anonymous = name.empty();
  if (wanted.anonymous) wanted.made_for = std::move(made_for);
  wanted.name = name.empty() ? random_id() : name;
  const auto lock = co_await impl_->locks.lock(wanted.name);
  if (auto existing = impl_->find(wanted.name)) {
    if (driver.empty() || driver == existing->driver) co_return Found{std::move(existing), false};
    co_await impl_->check_driver(name, driver);
    throw Error{Errc::conflict, "create " + name + ": driver '" + existing->driver + "' already has volume '" + name +
                                    "': volume name must be unique"};
  }
  wanted.driver = driver.empty() ? "local" : driver;
  wanted.options_given = options.has_value();
  if (options) wanted.options = std::move(*options);
  wanted.labels = std::move(labels);
  wanted.created = now();
  auto made = co_await impl_->make(wanted);
  co_return Found{std::move(made), true};
}

awaitable<Mount> Service::Impl::mount(Volume volume, std::string user) {
  const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
  plugins::CallSettings settings;
  settings.time_limit = kMountLimit;
  const auto work = [name = volume.name, user = std::move(user)](auto& target, const Call& call) {
    Mount out;
    target.mount(name, user, out, call);
    return out;
  };
  try {
    co_return co_await drivers.call(driver, Pool::quick, settings, work);
  } catch (...) {
    rethrow_as("error while mounting volume '" + volume.mountpoint + "'", std::current_exception());
  }
}

awaitable<Mount> Service::acquire(std::string name, std::string container_id) {
  std::map<std::string, std::string> attributes;
  co_return co_await acquire(std::move(name), std::move(container_id), std::move(attributes));
}

awaitable<Mount> Service::acquire(std::string name, std::string container_id,
                                  std::map<std::string, std::string> attributes) {
  const auto lock = co_await impl_->locks.lock(name);
  const auto volume = get(name);
  Mount mount = co_await impl_->mount(*volume, container_id);
  if (volume->read_only) mount.options.emplace_back("ro");
  attributes["container"] = container_id;
  impl_->publish("mount", *volume, std::move(attributes));
  co_return mount;
}

awaitable<void> Service::release(std::string name, std::string container_id) {
  const auto lock = co_await impl_->locks.lock(name);
  const auto volume = impl_->find(name);
  if (!volume) co_return;
  const plugins::VolumeDriver driver = co_await impl_->drivers.use_volume(volume->driver);
  plugins::CallSettings settings;
  settings.time_limit = kMountLimit;
  const auto work = [name, container_id](auto& target, const Call& call) { target.unmount(name, container_id, call); };
  co_await impl_->drivers.call(driver, Pool::quick, settings, work);
  std::map<std::string, std::string> attributes{{"container", container_id}};
  impl_->publish("unmount", *volume, std::move(attributes));
}

awaitable<void> Service::remove_if_unused(std::string name) {
  const auto lock = co_await impl_->locks.lock(name);
  const auto volume = impl_->find(name);
  if (volume && volume->anonymous && users(name).empty() && !impl_->readers.contains(name))
    co_await impl_->unmake(volume, false);
}

void Service::disown(const std::string& container_id) {
  for (const auto& volume : list()) {
    if (volume->made_for != container_id) continue;
    Volume record = *volume;
    record.made_for.clear();
    impl_->put(std::move(record));
  }
}

awaitable<void> Service::remove_orphans(std::function<bool(const std::string&)> exists) {
  for (const auto& volume : list()) {
    if (!volume->made_for.empty() && !exists(volume->made_for)) co_await remove_if_unused(volume->name);
  }
}

awaitable<void> Service::remove(std::string name, bool force) {
  const auto lock = co_await impl_->locks.lock(name);
  const auto volume = impl_->find(name);
  if (!volume) {
    if (force) co_return;
    throw Error{Errc::not_found, "get " + name + ": no such volume"};
  }
  impl_->check_unused("remove", name);
  co_await impl_->unmake(volume, force);
}

awaitable<Pruned> Service::prune(std::function<bool(const Volume&)> wanted) {
  Pruned pruned;
  for (const auto& candidate : list()) {
    if (!wanted(*candidate)) continue;
    const auto lock = co_await impl_->locks.lock(candidate->name);
    // While this waited someone may have taken it into use or removed it.
    const auto volume = impl_->find(candidate->name);
    if (!volume || !users(volume->name).empty() || impl_->readers.contains(volume->name)) continue;
    const std::int64_t size = co_await impl_->size_of(volume);
    co_await impl_->unmake(volume, false);
    pruned.names.push_back(volume->name);
    if (size > 0) pruned.reclaimed += static_cast<std::uint64_t>(size);
  }
  impl_->bus.publish({"volume", "prune", "", {{"reclaimed", std::to_string(pruned.reclaimed)}}, 0});
  co_return pruned;
}

awaitable<std::vector<VolumeUsage>> Service::usage() {
  std::vector<VolumeUsage> figures;
  for (const auto& volume : list()) {
    VolumeUsage figure;
    figure.volume = volume;
    figure.size = co_await impl_->size_of(volume);
    figure.references = static_cast<std::int64_t>(users(volume->name).size());
    figures.push_back(std::move(figure));
  }
  co_return figures;
}

}  // namespace gantry::volumes
