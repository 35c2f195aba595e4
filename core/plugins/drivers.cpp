#include "plugins/drivers.hpp"

#include "plugins/impl.hpp"

namespace gantry::plugins {
namespace {

template <class Driver>
std::vector<std::string> keys(const Handles<Driver>& handles) {
  std::vector<std::string> names;
  for (const auto& [name, handle] : handles) names.push_back(name);
  return names;
}

}  // namespace

const Options& options_of(const DriverConfig& config, const std::string& driver) {
  static const Options none;
  const auto given = config.options.find(driver);
  return given == config.options.end() ? none : given->second;
}

Options options_of_runtime(const DriverConfig& config, const DriverConfig::RuntimeChoice& choice) {
  Options options = choice.options;
  options.merge(Options{options_of(config, choice.driver)});
  return options;
}

bool may_name_plugin(const std::string& name) {
  constexpr std::size_t kMaxName = 200;
  const auto alnum = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !name.empty() && name.size() <= kMaxName && alnum(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return alnum(c) || c == '_' || c == '.' || c == '-' || c == ':'; });
}

/// All that can be told without opening a driver.
void Drivers::Impl::find_and_check() {
  catalog = std::make_unique<Catalog>(config.directories, isolation());
  isolation().check(catalog->list());
  mark_disabled();
  check_option_owners();
  for (const Found& found : catalog->drivers()) {
    check_options(found.info, OptionScope::driver, options_of(config, found.info.name));
  }
  choose("storage", config.storage, "storage-driver");
  choose("registry", config.registry, "registry-driver");
  check_log_driver();
  for (const auto& [name, choice] : config.runtimes) check_runtime(name, choice);
  if (!config.runtimes.contains(config.runtime)) choose("runtime", config.runtime, "default-runtime");
}

void Drivers::Impl::check_log_driver() {
  if (config.log.empty()) return;
  const Found* driver = catalog->find("log", config.log);
  if (driver == nullptr) {
    const std::string refused = catalog->refusal("log", config.log);
    throw Error{Errc::invalid, "logger: no log driver named '" + config.log +
                                   "' is registered: log-driver needs one of " + catalog->names("log") +
                                   (refused.empty() ? "" : " (refused: " + refused + ")")};
  }
  for (const auto& [option, value] : config.log_options) {
    const bool known = std::ranges::any_of(driver->info.options, [&, &wanted = option](const OptionInfo& info) {
      return info.scope == OptionScope::object && info.name == wanted;
    });
    if (!known && config.log != "none") {
      throw Error{Errc::invalid, "log-opts: unknown log opt '" + option + "' for " + config.log + " log driver"};
    }
  }
}

void Drivers::Impl::check_runtime(const std::string& name, const DriverConfig::RuntimeChoice& choice) {
  try {
    check_options(choose("runtime", choice.driver, "runtimes").info, OptionScope::driver, choice.options);
  } catch (const Error& error) {
    throw Error{error.code(), "runtime \"" + name + "\": " + error.what()};
  }
}

/// Options for a driver that is not there are a mistake too.
void Drivers::Impl::check_option_owners() const {
  for (const auto& [name, options] : config.options) {
    const bool known = std::ranges::any_of(
        catalog->drivers(), [&, &wanted = name](const Found& driver) { return driver.info.name == wanted; });
    if (known) continue;
    throw Error{Errc::invalid, "the config has options for a driver \"" + name +
                                   "\", which there is not; there are: " + catalog->names_by_kind() + looked_in()};
  }
}

std::string Drivers::Impl::looked_in() const {
  std::string folders;
  for (const std::string& folder : config.directories) folders += (folders.empty() ? "" : ", ") + folder;
  return " (looked in " + folders + ")";
}

Found& Drivers::Impl::choose(const std::string& kind, const std::string& name, const std::string& key) {
  if (Found* found = catalog->find(kind, name)) {
    if (!found->info.disabled) return *found;
    throw Error{Errc::invalid, key + ": the " + kind + " driver \"" + name + "\" is disabled"};
  }
  const std::string refused = catalog->refusal(kind, name);
  throw Error{Errc::invalid, key + ": there is no " + kind + " driver \"" + name +
                                 "\"; there are: " + catalog->names(kind) + looked_in() +
                                 (refused.empty() ? "" : " (refused: " + refused + ")")};
}

template <class Driver>
void Drivers::Impl::open_all(Handles<Driver>& handles) {
  for (Found& found : catalog->drivers()) {
    if (found.info.kind != Driver::kKind || found.info.disabled) continue;
    try {
      handles[found.info.name] = open<Driver>(found, found.info.name, options_of(config, found.info.name));
    } catch (const Error& error) {
      handles.erase(found.info.name);
      // Whoever configures a driver means to use it.
      if (config.options.contains(found.info.name)) throw;
      found.info.error = error.what();
      spdlog::error("{}", error.what());
    }
  }
}

void open_transports(Opener& opener, const Found& found, const Options& given, Handles<registry::v1::Driver>& out) {
  constexpr std::string_view prefix = "transport:";
  for (const std::string& capability : found.info.capabilities) {
    if (!capability.starts_with(prefix)) continue;
    out[capability.substr(prefix.size())] = opener.open<registry::v1::Driver>(found, found.info.name, given);
  }
}

void Drivers::Impl::open_transports() {
  for (Found& found : catalog->drivers()) {
    if (found.info.kind != registry::v1::Driver::kKind || found.info.disabled) continue;
    try {
      plugins::open_transports(*opener, found, options_of(config, found.info.name), transports);
    } catch (const Error& error) {
      if (config.options.contains(found.info.name)) throw;
      found.info.error = error.what();
      spdlog::error("{}", error.what());
    }
  }
}

Handle<runtime::v1::Driver> Drivers::Impl::open_runtime(const std::string& name,
                                                        const DriverConfig::RuntimeChoice& choice) {
  return open<runtime::v1::Driver>(choose("runtime", choice.driver, "default-runtime"), name,
                                   options_of_runtime(config, choice));
}

/// Also when others are chosen: containers that were made with it must find it.
void Drivers::Impl::open_native() {
  Found* found = catalog->find("runtime", "native");
  if (found == nullptr || found->info.disabled || runtimes.contains("native")) return;
  try {
    runtimes["native"] = open_runtime("native", {"native", {}});
  } catch (const Error& error) {
    found->info.error = error.what();
    spdlog::error("{}", error.what());
  }
}

void Drivers::Impl::open_runtimes() {
  for (const auto& [name, choice] : config.runtimes) runtimes[name] = open_runtime(name, choice);
  if (!runtimes.contains(config.runtime)) {
    runtimes[config.runtime] = open_runtime(config.runtime, {config.runtime, {}});
  }
  open_native();
  // What Docker's clients call the runtime that is always there.
  if (const auto native = runtimes.find("native"); native != runtimes.end()) {
    const auto always = native->second;
    for (const char* name : {"runc", "io.containerd.runc.v2"}) runtimes.emplace(name, always);
  }
}

std::string Drivers::Impl::not_found(const std::string& kind, const std::string& name,
                                     const std::string& message) const {
  const Found* found = catalog ? catalog->find(kind, name) : nullptr;
  if (found != nullptr && found->info.disabled) {
    return message + " (disabled: \"gantry plugin enable " + name + "\" enables it)";
  }
  const std::string refused = catalog ? catalog->refusal(kind, name) : std::string{};
  return refused.empty() ? message : message + " (refused: " + refused + ")";
}

Drivers::Drivers(DriverConfig config, Workers& workers)
    : workers_(workers), impl_(std::make_unique<Impl>(std::move(config), workers)) {}

Drivers::~Drivers() = default;

void Drivers::load() {
  Impl& impl = *impl_;
  impl.find_and_check();
  impl.storage = impl.open<storage::v1::Driver>(impl.choose("storage", impl.config.storage, "storage-driver"),
                                                impl.config.storage, options_of(impl.config, impl.config.storage));
  impl.registry = impl.open<registry::v1::Driver>(impl.choose("registry", impl.config.registry, "registry-driver"),
                                                  impl.config.registry, options_of(impl.config, impl.config.registry));
  impl.open_transports();
  impl.open_runtimes();
  impl.open_all(impl.networks);
  impl.open_all(impl.ipams);
  impl.open_all(impl.volumes);
  impl.open_all(impl.builders);
  impl.open_all(impl.logs);
}

void Drivers::set_teach(Isolation::Teach teach) { impl_->isolation().set_teach(std::move(teach)); }

void Drivers::check() { impl_->find_and_check(); }

const StorageDriver& Drivers::storage() const { return impl_->storage; }

const RegistryDriver& Drivers::registry() const { return impl_->registry; }

const RegistryDriver& Drivers::registry(const std::string& transport) const {
  if (transport.empty()) return impl_->registry;
  const auto found = impl_->transports.find(transport);
  if (found != impl_->transports.end()) return found->second;
  throw Error{Errc::not_found, "there is no registry driver for \"" + transport + ":\""};
}

const RuntimeDriver& Drivers::runtime(const std::string& name) const {
  const auto found = impl_->runtimes.find(name.empty() ? impl_->config.runtime : name);
  if (found == impl_->runtimes.end()) throw Error{Errc::invalid, "unknown or invalid runtime name: " + name};
  return found->second;
}

const NetworkDriver& Drivers::network(const std::string& name) const {
  if (const auto* found = Impl::find(impl_->networks, name)) return *found;
  throw Error{Errc::not_found, impl_->not_found("network", name, "plugin \"" + name + "\" not found")};
}

const IpamDriver& Drivers::ipam(const std::string& name) const {
  if (const auto* found = Impl::find(impl_->ipams, name)) return *found;
  throw Error{Errc::not_found, impl_->not_found("ipam", name, "plugin \"" + name + "\" not found")};
}

const VolumeDriver& Drivers::volume(const std::string& name) const {
  if (const auto* found = Impl::find(impl_->volumes, name)) return *found;
  throw Error{Errc::not_found,
              impl_->not_found("volume", name,
                               "error looking up volume plugin " + name + ": plugin \"" + name + "\" not found")};
}

const BuilderDriver& Drivers::builder(const std::string& name) const {
  const auto found = impl_->builders.find(name);
  if (found != impl_->builders.end()) return found->second;
  throw Error{Errc::not_found, impl_->not_found("builder", name, "there is no builder driver \"" + name + "\"")};
}

const LogDriver& Drivers::log(const std::string& name) const {
  const auto found = impl_->logs.find(name);
  if (found != impl_->logs.end()) return found->second;
  throw Error{
      Errc::not_found,
      impl_->not_found("log", name, "error looking up logging plugin " + name + ": plugin \"" + name + "\" not found")};
}

LogDriver Drivers::find_log(const std::string& name) const {
  const auto found = impl_->logs.find(name);
  return found == impl_->logs.end() ? LogDriver{} : found->second;
}

const std::string& Drivers::libexec_dir() const { return impl_->config.libexec_dir; }

std::vector<std::string> Drivers::runtime_names() const { return keys(impl_->runtimes); }

std::vector<std::string> Drivers::names(const std::string& kind) const {
  if (kind == "runtime") return keys(impl_->runtimes);
  if (kind == "network") return keys(impl_->networks);
  if (kind == "ipam") return keys(impl_->ipams);
  if (kind == "volume") return keys(impl_->volumes);
  if (kind == "builder") return keys(impl_->builders);
  if (kind == "log") return keys(impl_->logs);
  std::vector<std::string> names;
  if (kind == "storage" && impl_->storage) names.push_back(impl_->storage.name());
  if (kind == "registry" && impl_->registry) names.push_back(impl_->registry.name());
  return names;
}

const std::string& Drivers::default_runtime() const { return impl_->config.runtime; }

std::vector<DriverInfo> Drivers::list() const {
  std::vector<DriverInfo> all = impl_->catalog ? impl_->catalog->list() : std::vector<DriverInfo>{};
  for (DriverInfo& driver : all) {
    if (driver.isolated) driver.processes = impl_->isolation().processes(driver.file);
  }
  return all;
}

void Drivers::check_object_options(const DriverInfo& driver, const Options& options) {
  check_options(driver, OptionScope::object, options);
}

}  // namespace gantry::plugins
