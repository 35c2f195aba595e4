#include "plugins/impl.hpp"

/// The config that was read again while the daemon runs.
namespace gantry::plugins {

awaitable<Handle<runtime::v1::Driver>> Drivers::Impl::open_runtime_apart(std::string name,
                                                                         DriverConfig::RuntimeChoice choice,
                                                                         Options given) {
  const Found found = choose("runtime", choice.driver, "default-runtime");
  co_return co_await open_apart<runtime::v1::Driver>(found, std::move(name), std::move(given));
}

awaitable<std::string> Drivers::Impl::open_new_runtimes(const DriverConfig& fresh, Handles<runtime::v1::Driver>& out) {
  std::string later;
  for (const auto& [name, choice] : fresh.runtimes) {
    check_runtime(name, choice);
    const auto known = config.runtimes.find(name);
    if (!out.contains(name)) {
      out[name] = co_await open_runtime_apart(name, choice, options_of_runtime(fresh, choice));
    } else if (known == config.runtimes.end() || !(known->second == choice)) {
      later += (later.empty() ? "" : ", ") + name;
    }
  }
  if (!out.contains(fresh.runtime)) {
    const DriverConfig::RuntimeChoice choice{fresh.runtime, {}};
    out[fresh.runtime] = co_await open_runtime_apart(fresh.runtime, choice, options_of_runtime(fresh, choice));
  }
  co_return later;
}

awaitable<std::string> Drivers::reload(DriverConfig fresh) {
  Impl& impl = *impl_;
  Handles<runtime::v1::Driver> runtimes = impl.runtimes;
  const std::string later = co_await impl.open_new_runtimes(fresh, runtimes);
  RegistryDriver registry = impl.registry;
  const Options options = options_of(fresh, impl.config.registry);
  if (options != options_of(impl.config, impl.config.registry)) {
    const Found found = impl.choose("registry", impl.config.registry, "registry-driver");
    registry = co_await impl.open_apart<registry::v1::Driver>(found, impl.config.registry, options);
  }
  // Nothing fails from here on.
  const auto note_settings = [&impl](const auto& handle, const std::string& driver) {
    if (Found* found = impl.catalog->find(handle.info().kind, driver)) found->info.settings = handle.info().settings;
  };
  note_settings(registry, impl.config.registry);
  impl.registry = std::move(registry);
  impl.runtimes = std::move(runtimes);
  impl.config.options[impl.config.registry] = options;
  impl.config.runtime = fresh.runtime;
  for (const auto& [name, choice] : fresh.runtimes) impl.config.runtimes.emplace(name, choice);
  co_return later;
}

}  // namespace gantry::plugins
