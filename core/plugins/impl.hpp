#pragma once

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugins/catalog.hpp"
#include "plugins/drivers.hpp"
#include "plugins/foreign.hpp"
#include "plugins/host.hpp"
#include "plugins/options.hpp"

namespace gantry::plugins {

/// An opened driver's object and what it may use; the object goes first.
struct Opened {
  std::shared_ptr<DriverHost> host;
  std::shared_ptr<void> object;
};

template <class Driver>
using Handles = std::map<std::string, Handle<Driver>>;

/// Those that the config has for a driver.
const Options& options_of(const DriverConfig& config, const std::string& driver);

/// Whether a user may name a plugin so: it becomes a part of paths.
bool may_name_plugin(const std::string& name);

struct Drivers::Impl {
  explicit Impl(DriverConfig given) : config(std::move(given)), isolation(config) {}
  ~Impl() { isolation.set_teach({}); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  DriverConfig config;
  Isolation isolation;
  std::unique_ptr<Catalog> catalog;
  StorageDriver storage;
  RegistryDriver registry;
  Handles<registry::v1::Driver> transports;
  Handles<runtime::v1::Driver> runtimes;
  Handles<network::v1::Driver> networks;
  Handles<ipam::v1::Driver> ipams;
  Handles<volume::v1::Driver> volumes;
  Handles<builder::v1::Driver> builders;
  Handles<log::v1::Driver> logs;

  void find_and_check();
  void mark_disabled();
  void check_option_names() const;
  void check_log_driver();
  Found& choose(const std::string& kind, const std::string& name, const std::string& key);
  template <class Driver>
  Handle<Driver> open(Found& found, const std::string& instance, const Options& given);
  template <class Driver>
  void open_all(Handles<Driver>& handles);
  void open_transports();
  /// Those of one driver. Changes nothing else of this.
  void open_transports(Found& found, const Options& given, Handles<registry::v1::Driver>& out);
  void check_runtime(const std::string& name, const DriverConfig::RuntimeChoice& choice);
  Handle<runtime::v1::Driver> open_runtime(const std::string& name, const DriverConfig::RuntimeChoice& choice,
                                           const DriverConfig& from);
  void open_runtimes();
  void open_native();
  template <class Driver>
  Handle<Driver> open_plugin(const std::string& name);
  template <class Driver>
  const Handle<Driver>* find_or_open(Handles<Driver>& handles, const std::string& name);
  std::string not_found(const std::string& kind, const std::string& name, const std::string& message) const;

  // switching.cpp
  Found& known(const std::string& kind, const std::string& name);
  void check_dispensable(const DriverInfo& driver, const std::string& verb) const;
  void forget(const DriverInfo& driver);
  void write_disabled() const;
  void put(const Successor& next);
  [[nodiscard]] std::string new_copy() const;
  void open_first(Found& found, const Options& given, Successor& out);
  void open_again(const Successor& present, const std::string& copy, Successor& out);
  template <class Driver>
  void open_again(const Handles<Driver>& handles, Found& found, Handles<Driver>& out);
  template <class Driver>
  static bool is_complete(const Handles<Driver>& now, const Handles<Driver>& before, const std::string& file);
  void check_complete(const Successor& next) const;
};

template <class Driver>
Handle<Driver> Drivers::Impl::open(Found& found, const std::string& instance, const Options& given) {
  const auto info = std::make_shared<DriverInfo>(found.info);
  info->settings = complete_options(*info, given);
  info->instance = instance;
  const std::string folder = "/drivers/" + info->kind + "-" + instance;
  const auto opened = std::make_shared<Opened>();
  opened->host =
      std::make_shared<DriverHost>(info, config.data_root + folder, config.exec_root + folder, config.libexec_dir);
  opened->object = info->isolated ? isolation.make(info) : found.library->make();
  auto* driver = static_cast<Driver*>(opened->object.get());
  try {
    translated(*info, [&] { driver->open(*opened->host); });
  } catch (const Error& error) {
    throw Error{error.code(), info->kind + " driver \"" + info->name + "\" cannot be used: " + error.what()};
  }
  found.info.settings = info->settings;
  return {std::shared_ptr<Driver>{opened, driver}, info};
}

/// A plugin that speaks a protocol of its own, behind a driver that speaks it: opened when somebody names it first.
/// An empty handle if there is none.
template <class Driver>
Handle<Driver> Drivers::Impl::open_plugin(const std::string& name) {
  if (!may_name_plugin(name)) return {};
  for (Found& found : catalog->drivers()) {
    const auto& can = found.info.capabilities;
    if (found.info.kind != Driver::kKind || found.info.disabled) continue;
    if (std::ranges::count(can, "named-plugins") == 0) continue;
    Options options = options_of(config, found.info.name);
    options["plugin"] = name;
    Found named = found;
    named.info.name = name;
    try {
      return open<Driver>(named, found.info.name + "-" + name, options);
    } catch (const Error& error) {
      if (error.code() != Errc::not_found && error.code() != Errc::invalid) throw;
      spdlog::debug("{}", error.what());
      // It was no plugin's name: nothing of it stays. What is not empty is not ours to remove.
      for (const std::string& root : {config.data_root, config.exec_root}) {
        std::error_code kept;
        std::filesystem::remove(root + "/drivers/" + found.info.kind + "-" + found.info.name + "-" + name, kept);
      }
    }
  }
  return {};
}

}  // namespace gantry::plugins
