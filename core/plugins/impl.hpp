#pragma once

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plugins/catalog.hpp"
#include "plugins/drivers.hpp"
#include "plugins/opener.hpp"

namespace gantry::plugins {

template <class Driver>
using Handles = std::map<std::string, Handle<Driver>>;

/// Those that the config has for a driver.
const Options& options_of(const DriverConfig& config, const std::string& driver);

/// Those of the config's runtime, and its driver's.
Options options_of_runtime(const DriverConfig& config, const DriverConfig::RuntimeChoice& choice);

/// Whether a user may name a plugin so: it becomes a part of paths.
bool may_name_plugin(const std::string& name);

struct Drivers::Impl {
  Impl(DriverConfig given, Workers& its_workers)
      : config(std::move(given)), opener(std::make_shared<Opener>(config)), workers(its_workers) {}
  ~Impl() { isolation().set_teach({}); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  DriverConfig config;
  const std::shared_ptr<Opener> opener;
  Workers& workers;
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

  [[nodiscard]] Isolation& isolation() const noexcept { return opener->isolation; }
  void find_and_check();
  void mark_disabled();
  void check_option_owners() const;
  /// What helps whoever named a driver that is in another folder.
  [[nodiscard]] std::string looked_in() const;
  void check_log_driver();
  Found& choose(const std::string& kind, const std::string& name, const std::string& key);
  template <class Driver>
  Handle<Driver> open(Found& found, const std::string& instance, const Options& given);
  template <class Driver>
  void open_all(Handles<Driver>& handles);
  void open_transports();
  void check_runtime(const std::string& name, const DriverConfig::RuntimeChoice& choice);
  Handle<runtime::v1::Driver> open_runtime(const std::string& name, const DriverConfig::RuntimeChoice& choice);
  void open_runtimes();
  void open_native();

  // Beside the event loop, once it runs.
  /// Does `work`, which opens that driver, on another thread and for so long only. It may outlive all but what it
  /// captures. Errors: as of `work`; unavailable (it did not return).
  template <class Work>
  awaitable<std::invoke_result_t<Work>> apart(DriverInfo driver, Work work);
  template <class Driver>
  awaitable<Handle<Driver>> open_apart(Found found, std::string instance, Options given);
  awaitable<Handle<runtime::v1::Driver>> open_runtime_apart(std::string name, DriverConfig::RuntimeChoice choice,
                                                            Options given);
  /// Opens those of `fresh` that `out` has not. Answers those that have changed.
  awaitable<std::string> open_new_runtimes(const DriverConfig& fresh, Handles<runtime::v1::Driver>& out);

  // first_use.cpp
  /// The opening of what a driver stands for, when somebody names it first: all who do meanwhile wait for its end.
  struct FirstUse;
  std::map<std::string, std::shared_ptr<FirstUse>> first_uses;  ///< By kind and name.
  /// What a call holds that opens one: whether a thread has begun with it.
  std::map<std::string, std::weak_ptr<std::atomic<bool>>> opening;
  /// The drivers that stand for others' plugins.
  template <class Driver>
  [[nodiscard]] std::vector<Found> stand_ins() const;
  [[nodiscard]] bool is_current(const Found& found);
  template <class Driver>
  awaitable<Handle<Driver>> open_plugin(std::string name);
  template <class Driver>
  awaitable<void> look_up(Handles<Driver>& handles, std::string name);

  template <class Driver>
  static const Handle<Driver>* find(const Handles<Driver>& handles, const std::string& name) {
    const auto found = handles.find(name);
    return found == handles.end() ? nullptr : &found->second;
  }
  std::string not_found(const std::string& kind, const std::string& name, const std::string& message) const;

  // switching.cpp
  Found& known(const std::string& kind, const std::string& name);
  void check_dispensable(const DriverInfo& driver, const std::string& verb) const;
  void forget(const DriverInfo& driver);
  void write_disabled() const;
  void put(const Successor& next);
  [[nodiscard]] std::string new_copy() const;
  template <class Driver>
  static bool is_complete(const Handles<Driver>& now, const Handles<Driver>& before, const std::string& file);
  void check_complete(const Successor& next) const;
};

template <class Driver>
Handle<Driver> Drivers::Impl::open(Found& found, const std::string& instance, const Options& given) {
  auto opened = opener->open<Driver>(found, instance, given);
  found.info.settings = opened.info().settings;
  return opened;
}

template <class Work>
awaitable<std::invoke_result_t<Work>> Drivers::Impl::apart(DriverInfo driver, Work work) {
  struct Opening {};
  const Handle<Opening> handle{std::make_shared<Opening>(), std::make_shared<const DriverInfo>(std::move(driver))};
  CallSettings settings;
  settings.time_limit = config.open_limit;
  settings.grace = config.open_grace;
  settings.what = "its opening";
  const auto call = [work = std::move(work)](Opening&, const Call&) { return work(); };
  co_return co_await guarded_call(workers, handle, Pool::slow, settings, call);
}

template <class Driver>
awaitable<Handle<Driver>> Drivers::Impl::open_apart(Found found, std::string instance, Options given) {
  const DriverInfo driver = found.info;
  const auto work = [opener = opener, found = std::move(found), instance = std::move(instance),
                     given = std::move(given)] { return opener->open<Driver>(found, instance, given); };
  co_return co_await apart(driver, work);
}

/// Those of a registry driver.
void open_transports(Opener& opener, const Found& found, const Options& given, Handles<registry::v1::Driver>& out);

}  // namespace gantry::plugins
