#include <sstream>
#include <type_traits>

#include "base/file.hpp"
#include "base/id.hpp"
#include "plugins/impl.hpp"

/// Drivers that are taken out of use, brought back, and replaced by their files' new versions.
namespace gantry::plugins {
namespace {

constexpr const char* kDisabled = "/drivers/disabled";  // lines "kind name"

std::string title(const DriverInfo& driver) { return driver.kind + " driver \"" + driver.name + "\""; }

/// What an object was opened with beside the defaults, which need not be values that could be given.
Options given_to(const DriverInfo& driver) {
  Options given = driver.settings;
  for (const OptionInfo& option : driver.options) {
    const auto found = given.find(option.name);
    if (option.scope == OptionScope::driver && found != given.end() && found->second == option.default_value) {
      given.erase(found);
    }
  }
  return given;
}

}  // namespace

/// Objects of the new version for all names that the old one has.
struct Drivers::Successor {
  Found found;
  RegistryDriver registry;
  Handles<registry::v1::Driver> transports;
  Handles<runtime::v1::Driver> runtimes;
  Handles<network::v1::Driver> networks;
  Handles<ipam::v1::Driver> ipams;
  Handles<volume::v1::Driver> volumes;
  Handles<builder::v1::Driver> builders;
  Handles<log::v1::Driver> logs;
  std::shared_ptr<const Successor> present;  ///< What it is to replace.
};

namespace {

/// What is opened on another thread, which may outlive the daemon's other parts.
void open_first(Opener& opener, const Options& given, Drivers::Successor& out) {
  const Found& found = out.found;
  const auto open_into = [&](auto& handles) {
    using Driver = typename std::decay_t<decltype(handles.begin()->second.driver())>::element_type;
    if (found.info.kind != Driver::kKind) return;
    handles[found.info.name] = opener.open<Driver>(found, found.info.name, given);
  };
  open_into(out.networks);
  open_into(out.ipams);
  open_into(out.volumes);
  open_into(out.builders);
  open_into(out.logs);
  if (found.info.kind == registry::v1::Driver::kKind) open_transports(opener, found, given, out.transports);
}

/// One new object for each that the old version has, in the same folders and under the same names.
template <class Driver>
void open_again(Opener& opener, const Handles<Driver>& handles, const Found& found, Handles<Driver>& out) {
  if (found.info.kind != Driver::kKind) return;
  std::map<const Driver*, Handle<Driver>> opened;
  for (const auto& [name, handle] : handles) {
    if (handle.info().file != found.info.file) continue;
    Handle<Driver>& fresh = opened[handle.driver().get()];
    if (!fresh) {
      Found named = found;
      named.info.name = handle.name();
      fresh = opener.open<Driver>(named, handle.info().instance, given_to(handle.info()));
    }
    out[name] = fresh;
  }
}

/// `present`: what there is of the file, and what else there is of its kind.
void open_again(Opener& opener, const Drivers::Successor& present, Drivers::Successor& out) {
  if (present.registry) {
    const DriverInfo& info = present.registry.info();
    out.registry = opener.open<registry::v1::Driver>(out.found, info.instance, given_to(info));
  }
  open_again(opener, present.transports, out.found, out.transports);
  open_again(opener, present.runtimes, out.found, out.runtimes);
  open_again(opener, present.networks, out.found, out.networks);
  open_again(opener, present.ipams, out.found, out.ipams);
  open_again(opener, present.volumes, out.found, out.volumes);
  open_again(opener, present.builders, out.found, out.builders);
  open_again(opener, present.logs, out.found, out.logs);
}

}  // namespace

void Drivers::Impl::mark_disabled() {
  std::string text;
  try {
    text = read_file(config.data_root + kDisabled);
  } catch (const Error&) {
    return;  // nobody has disabled any
  }
  std::istringstream lines(text);
  for (std::string kind, name; lines >> kind >> name;) {
    if (Found* found = catalog->find(kind, name)) found->info.disabled = true;
  }
}

void Drivers::Impl::write_disabled() const {
  std::string text;
  for (const Found& found : catalog->drivers()) {
    if (found.info.disabled) text += found.info.kind + " " + found.info.name + "\n";
  }
  write_file_atomically(config.data_root + kDisabled, text);
}

Found& Drivers::Impl::known(const std::string& kind, const std::string& name) {
  if (Found* found = catalog->find(kind, name)) return *found;
  throw Error{Errc::not_found, not_found(kind, name, "plugin \"" + name + "\" not found")};
}

void Drivers::Impl::check_dispensable(const DriverInfo& driver, const std::string& verb) const {
  const auto chosen = [&](const std::string& key) {
    throw Error{Errc::conflict,
                "plugin " + driver.name + " is in use: the config's " + key + " names it; it cannot be " + verb};
  };
  if (driver.kind == "storage" && driver.name == config.storage) chosen("storage-driver");
  if (driver.kind == "registry" && driver.name == config.registry) chosen("registry-driver");
  if (driver.kind == "log" && driver.name == config.log) chosen("log-driver");
  if (driver.kind != "runtime") return;
  if (driver.name == config.runtime) chosen("default-runtime");
  for (const auto& [name, choice] : config.runtimes) {
    if (choice.driver == driver.name) chosen("runtimes");
  }
}

/// Its objects go with the calls that are under way.
void Drivers::Impl::forget(const DriverInfo& driver) {
  const auto erase = [&](auto& handles) {
    std::erase_if(handles, [&](const auto& entry) { return entry.second.info().file == driver.file; });
  };
  erase(transports);
  erase(runtimes);
  erase(networks);
  erase(ipams);
  erase(volumes);
  erase(builders);
  erase(logs);
}

awaitable<void> Drivers::disable(std::string kind, std::string name) {
  Found& found = impl_->known(kind, name);
  if (found.info.disabled) throw Error{Errc::conflict, "plugin " + name + " is already disabled"};
  impl_->check_dispensable(found.info, "disabled");
  found.info.disabled = true;
  try {
    impl_->write_disabled();
  } catch (...) {
    found.info.disabled = false;
    throw;
  }
  impl_->forget(found.info);
  spdlog::info("{} is disabled", title(found.info));
  const auto wait = [ends = impl_->isolation().ends()] { return ends->wait(); };
  const bool ended = co_await workers_.run(Pool::slow, wait);
  if (!ended) spdlog::warn("a driver's process does not end, though it was killed");
}

/// Where a file's new version is loaded from.
std::string Drivers::Impl::new_copy() const {
  return config.exec_root + "/drivers/." + random_id().substr(0, 12) + ".so";
}

awaitable<void> Drivers::enable(std::string kind, std::string name) {
  Impl& impl = *impl_;
  if (!impl.known(kind, name).info.disabled) {
    throw Error{Errc::conflict, "plugin " + name + " is already enabled"};
  }
  const DriverInfo old = impl.known(kind, name).info;
  const auto opened = std::make_shared<Successor>();
  // The file as it is now: it may have been updated since it was loaded.
  const auto open = [opener = impl.opener, opened, old, copy = impl.new_copy(), given = options_of(impl.config, name)] {
    opened->found = load_again(old, copy, opener->isolation);
    open_first(*opener, given, *opened);
  };
  co_await impl.apart(old, open);
  Found& found = impl.known(kind, name);
  const Found before = std::exchange(found, opened->found);
  try {
    impl.write_disabled();
  } catch (...) {
    found = before;
    throw;
  }
  impl.put(*opened);
  spdlog::info("{} is enabled", title(found.info));
}

awaitable<std::shared_ptr<Drivers::Successor>> Drivers::prepare_successor(std::string kind, std::string name) {
  Impl& impl = *impl_;
  const Found& old = impl.known(kind, name);
  if (old.info.disabled) throw Error{Errc::conflict, "plugin " + name + " is disabled"};
  if (kind == storage::v1::Driver::kKind && name == impl.config.storage) {
    throw Error{Errc::conflict, "plugin " + name +
                                    " is in use: all containers stand on the storage driver; its new version takes "
                                    "over at the daemon's next start"};
  }
  const auto present = std::make_shared<Successor>(Successor{
      old, {}, impl.transports, impl.runtimes, impl.networks, impl.ipams, impl.volumes, impl.builders, impl.logs, {}});
  if (kind == registry::v1::Driver::kKind && impl.registry && impl.registry.name() == name) {
    present->registry = impl.registry;
  }
  const auto next = std::make_shared<Successor>();
  const auto open = [opener = impl.opener, present, next, copy = impl.new_copy()] {
    next->found = load_again(present->found.info, copy, opener->isolation);
    open_again(*opener, *present, *next);
  };
  const DriverInfo driver = present->found.info;
  co_await impl.apart(driver, open);
  next->present = present;
  co_return next;
}

std::map<std::string, NetworkDriver> Drivers::networks_of(const Successor& successor) { return successor.networks; }

std::map<std::string, IpamDriver> Drivers::ipams_of(const Successor& successor) { return successor.ipams; }

/// In the place of what has the same names.
void Drivers::Impl::put(const Successor& next) {
  const auto put = [](auto& handles, const auto& fresh) {
    for (const auto& [name, handle] : fresh) handles[name] = handle;
  };
  put(transports, next.transports);
  put(runtimes, next.runtimes);
  put(networks, next.networks);
  put(ipams, next.ipams);
  put(volumes, next.volumes);
  put(builders, next.builders);
  put(logs, next.logs);
  if (next.registry) registry = next.registry;
}

/// Whether there is nothing of the file that the successor has no object for: a plugin behind a driver is opened when
/// somebody names it.
template <class Driver>
bool Drivers::Impl::is_complete(const Handles<Driver>& now, const Handles<Driver>& before, const std::string& file) {
  return std::ranges::all_of(
      now, [&](const auto& entry) { return entry.second.info().file != file || before.contains(entry.first); });
}

void Drivers::Impl::check_complete(const Successor& next) const {
  const Successor& before = *next.present;
  const std::string& file = next.found.info.file;
  const bool complete = is_complete(networks, before.networks, file) && is_complete(ipams, before.ipams, file) &&
                        is_complete(volumes, before.volumes, file);
  if (complete) return;
  throw Error{Errc::conflict, "plugin " + next.found.info.name +
                                  " got another plugin to stand for while it was reloaded; reload it once more"};
}

void Drivers::replace(Successor& next) {
  impl_->check_complete(next);
  impl_->put(next);
  Found& found = impl_->known(next.found.info.kind, next.found.info.name);
  spdlog::info("{} {} takes over from {}", title(next.found.info), next.found.info.version, found.info.version);
  found = next.found;
}

}  // namespace gantry::plugins
