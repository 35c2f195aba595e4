#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "events/bus.hpp"
#include "plugins/drivers.hpp"
#include "system/host.hpp"
#include "wire/system.hpp"

namespace gantry::system {

/// What of the daemon's config the API shows; the reloadable part may change while the daemon runs.
struct Settings {
  std::string data_root;
  std::string version;
  std::string api_version;
  std::string min_api_version;
  std::string log_driver = "json-file";
  bool debug{};
  bool live_restore{};
  bool user_namespaces{};  ///< Containers have some (--userns-remap).
  std::vector<std::string> labels;
  std::vector<std::string> insecure_registries;
  std::vector<std::string> registry_mirrors;
  std::vector<wire::AddressPool> address_pools;
  std::vector<std::string> cdi_spec_dirs;
};

/// What the containers' and images' services are asked for.
struct Counts {
  int running{};
  int paused{};
  int stopped{};
  int images{};
};

/// What the drivers' users are asked for when one is disabled or reloaded.
struct PluginUse {
  /// What needs a driver ("network lan"); `running`: only what could not do with another object of it. Empty: nothing.
  std::function<std::string(const plugins::DriverInfo& driver, bool running)> user;
  /// Opens what a driver stands for and what has not been used since the daemon's start, so that `user` knows of it.
  std::function<awaitable<void>(plugins::DriverInfo driver)> look_up;
  using Prepare = std::function<awaitable<std::shared_ptr<plugins::Drivers::Successor>>()>;
  using Replace = std::function<void(plugins::Drivers::Successor&)>;
  /// Makes a new version by `prepare` and, at the end, puts it into the place of the old one by `replace`.
  std::function<awaitable<void>(Prepare prepare, Replace replace)> take_over;
};

/// What the daemon says about itself. Io thread only.
class Service {
 public:
  /// Reads or makes `<data_root>/engine-id`.
  Service(Settings settings, events::Bus& bus, plugins::Drivers& drivers);

  awaitable<wire::Info> info() const;
  [[nodiscard]] wire::Version version() const;
  [[nodiscard]] std::vector<wire::Plugin> plugins() const;
  /// Errors: not_found.
  [[nodiscard]] wire::Plugin plugin(const std::string& name) const;

  /// `name`: "bridge", or "log/local" where drivers of several kinds have one name.
  /// Errors: not_found, invalid (several have that name), conflict (in use; already so), else as of the driver's
  /// opening.
  awaitable<void> disable_plugin(std::string name);
  awaitable<void> enable_plugin(std::string name);
  awaitable<void> reload_plugin(std::string name);
  /// While it is held there is no such change: for whoever changes the drivers otherwise.
  awaitable<AsyncMutex::Lock> hold_plugins() { return plugin_changes_.lock(); }

  void set_plugin_use(PluginUse use) { plugin_use_ = std::move(use); }
  void set_counts(std::function<Counts()> counts) { counts_ = std::move(counts); }
  void set_devices(std::function<awaitable<std::vector<wire::FoundDevice>>()> devices) {
    devices_ = std::move(devices);
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }
  void set_settings(Settings settings) { settings_ = std::move(settings); }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] const Host& host() const { return host_; }

 private:
  void add_registries(wire::Info& info) const;
  void add_host(wire::Info& info) const;
  [[nodiscard]] plugins::DriverInfo only_plugin(const std::string& name) const;
  void tell_plugin(const std::string& action, const plugins::DriverInfo& driver);

  Settings settings_;
  events::Bus& bus_;
  plugins::Drivers& drivers_;
  Host host_;
  std::string id_;
  std::function<Counts()> counts_;
  std::function<awaitable<std::vector<wire::FoundDevice>>()> devices_;
  PluginUse plugin_use_;
  AsyncMutex plugin_changes_;
};

}  // namespace gantry::system
