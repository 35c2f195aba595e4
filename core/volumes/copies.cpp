#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include "gantry/volume_copier.hpp"
#include "volumes/service_impl.hpp"

/// Copies of volumes, other names for them, and their data for the daemon's own use.
namespace gantry::volumes {
namespace {

/// Who has a volume mounted for `read` and `make_filled`.
constexpr const char* kDaemonItself = "gantry";

std::string joined(const std::vector<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += (out.empty() ? "" : ", ") + id;
  return out;
}

volume::v1::Copier& copier_of(volume::v1::Driver& driver, const std::string& name, const std::string& driver_name) {
  if (auto* copier = static_cast<volume::v1::Copier*>(driver.query(volume::v1::kCopier))) return *copier;
  throw Error{Errc::unsupported,
              "volume " + name + " is driver " + driver_name + "'s, which can neither copy nor rename volumes"};
}

/// "data-20261127T020304Z"
std::string snapshot_name(const std::string& volume) {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "-%Y%m%dT%H%M%SZ", &parts);
  return volume + text;
}

}  // namespace

void Service::set_writers(std::function<std::vector<std::string>(const std::string& volume)> writers) {
  impl_->writers = std::move(writers);
}

void Service::Impl::check_unused(const std::string& operation, const std::string& name) const {
  const std::vector<std::string> containers = users ? users(name) : std::vector<std::string>{};
  if (containers.empty() && !readers.contains(name)) return;
  const std::string who = containers.empty() ? "an export" : joined(containers);
  throw Error{Errc::conflict, operation + " " + name + ": volume is in use - [" + who + "]"};
}

void Service::Impl::check_free(const std::string& operation, const std::string& name) const {
  if (!table.find(name)) return;
  throw Error{Errc::conflict, operation + " " + name + ": a volume of that name exists: volume name must be unique"};
}

// A driver may hold volumes without a record, and its `create` of one that it holds succeeds: what fills it would write
// over the data, and remove it if that fails.
awaitable<void> Service::Impl::check_free_in_driver(Volume volume) {
  co_await check_driver(volume.name, volume.driver);
  try {
    co_await mountpoint_in_driver(volume.name, volume.driver);
  } catch (const Error& error) {
    if (error.code() == Errc::not_found) co_return;
    throw;
  }
  throw Error{Errc::conflict, "create " + volume.name + ": driver '" + volume.driver +
                                  "' already has a volume of that name: volume name must be unique"};
}

awaitable<std::shared_ptr<const Volume>> Service::clone(std::string name, CloneRequest request) {
  const std::string operation = request.snapshot ? "snapshot " : "clone ";
  if (request.name.empty()) {
    if (!request.snapshot) throw Error{Errc::invalid, "a name for the copy of volume " + name + " is needed"};
    request.name = snapshot_name(name);
  }
  check_name(request.name);
  if (request.name == name) impl_->check_free("create", name);
  // In one order for all: else two that copy both ways would wait for each other.
  const auto first = co_await impl_->locks.lock(std::min(name, request.name));
  const auto second = co_await impl_->locks.lock(std::max(name, request.name));
  const auto from = get(name);
  impl_->check_free("create", request.name);
  const auto writers = impl_->writers ? impl_->writers(name) : std::vector<std::string>{};
  if (!writers.empty() && !request.force) {
    throw Error{Errc::conflict, operation + name + ": containers that run may write to the volume - [" +
                                    joined(writers) + "]: stop or pause them, or force it"};
  }
  Volume made = *from;
  made.name = request.name;
  made.labels = std::move(request.labels);
  made.labels[kCopyOfLabel] = name;
  made.anonymous = false;
  made.made_for.clear();
  made.created = now();
  made.read_only = request.snapshot;
  made.phase = Phase::creating;
  impl_->put(made);
  std::exception_ptr failure;
  try {
    const plugins::VolumeDriver driver = co_await impl_->drivers.use_volume(made.driver);
    const plugins::CallSettings settings;
    const auto work = [name, to = made.name, driver_name = made.driver](auto& target, const Call& call) {
      volume::v1::Volume out;
      copier_of(target, name, driver_name).clone(name, to, out, call);
      return out.mountpoint;
    };
    made.mountpoint = co_await impl_->drivers.call(driver, Pool::slow, settings, work);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    impl_->erase(made.name);
    rethrow_as(operation + name, failure);
  }
  made.phase = Phase::ready;
  auto stored = impl_->put(std::move(made));
  std::map<std::string, std::string> attributes{{"to", stored->name}};
  impl_->publish(request.snapshot ? "snapshot" : "clone", *from, std::move(attributes));
  impl_->publish("create", *stored);
  co_return stored;
}

awaitable<std::string> Service::Impl::rename_in_driver(Volume volume) {
  const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
  const plugins::CallSettings settings;
  const auto work = [from = volume.name, to = volume.renamed_to, name = volume.driver](auto& target, const Call& call) {
    volume::v1::Volume out;
    copier_of(target, from, name).rename(from, to, out, call);
    return out.mountpoint;
  };
  co_return co_await drivers.call(driver, Pool::quick, settings, work);
}

Service::Impl::Snapshot Service::Impl::finish_rename(Volume volume, std::string mountpoint) {
  Volume renamed = volume;
  renamed.name = std::exchange(renamed.renamed_to, {});
  renamed.mountpoint = std::move(mountpoint);
  renamed.phase = Phase::ready;
  Snapshot stored;
  store.update([&](state::Transaction& transaction) {
    table.erase(transaction, volume.name);
    const std::string name = renamed.name;
    stored = table.put(transaction, name, std::move(renamed));
  });
  return stored;
}

awaitable<void> Service::rename(std::string name, std::string to) {
  check_name(to);
  if (name == to) impl_->check_free("rename", to);
  const auto first = co_await impl_->locks.lock(std::min(name, to));
  const auto second = co_await impl_->locks.lock(std::max(name, to));
  const auto volume = get(name);
  impl_->check_free("rename", to);
  impl_->check_unused("rename", name);
  Volume record = *volume;
  record.phase = Phase::renaming;
  record.renamed_to = to;
  impl_->put(record);
  std::string mountpoint;
  std::exception_ptr failure;
  try {
    mountpoint = co_await impl_->rename_in_driver(record);
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    impl_->put(*volume);
    rethrow_as("rename " + name, failure);
  }
  const auto stored = impl_->finish_rename(std::move(record), std::move(mountpoint));
  std::map<std::string, std::string> attributes{{"oldName", name}};
  impl_->publish("rename", *stored, std::move(attributes));
}

awaitable<Mount> Service::Impl::borrow(Volume volume) { co_return co_await mount(std::move(volume), kDaemonItself); }

awaitable<void> Service::Impl::give_back(Volume volume) {
  const plugins::VolumeDriver driver = co_await drivers.use_volume(volume.driver);
  const plugins::CallSettings settings;
  const auto work = [name = volume.name](auto& target, const Call& call) { target.unmount(name, kDaemonItself, call); };
  co_await drivers.call(driver, Pool::quick, settings, work);
}

awaitable<void> Service::read(std::string name, Use use) {
  std::shared_ptr<const Volume> volume;
  Mount mount;
  {
    const auto lock = co_await impl_->locks.lock(name);
    volume = get(name);
    mount = co_await impl_->borrow(*volume);
    ++impl_->readers[name];
  }
  std::exception_ptr failure;
  try {
    co_await use(mount);
  } catch (...) {
    failure = std::current_exception();
  }
  const auto lock = co_await impl_->locks.lock(name);
  const auto reader = impl_->readers.find(name);
  if (--reader->second == 0) {
    impl_->readers.erase(reader);
    co_await impl_->give_back(*volume);
  }
  if (failure) std::rethrow_exception(failure);
}

awaitable<std::shared_ptr<const Volume>> Service::make_filled(Volume volume, Use fill) {
  const std::string name = volume.name;
  check_name(name);
  const auto lock = co_await impl_->locks.lock(name);
  impl_->check_free("create", name);
  co_await impl_->check_free_in_driver(volume);
  co_return co_await impl_->make(std::move(volume), fill);
}

}  // namespace gantry::volumes
