#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"
#include "gantry/builder.hpp"
#include "gantry/driver.hpp"
#include "gantry/ipam.hpp"
#include "gantry/log.hpp"
#include "gantry/network.hpp"
#include "gantry/registry.hpp"
#include "gantry/runtime.hpp"
#include "gantry/storage.hpp"
#include "gantry/volume.hpp"
#include "plugins/call.hpp"
#include "plugins/guarded_call.hpp"
#include "plugins/handle.hpp"
#include "plugins/isolation.hpp"

/// The plugin host: finds drivers' files, checks and loads them, opens the drivers with the config's options, guards
/// each call into them and tells what is there.
namespace gantry::plugins {

using StorageDriver = Handle<storage::v1::Driver>;
using NetworkDriver = Handle<network::v1::Driver>;
using IpamDriver = Handle<ipam::v1::Driver>;
using VolumeDriver = Handle<volume::v1::Driver>;
using RuntimeDriver = Handle<runtime::v1::Driver>;
using RegistryDriver = Handle<registry::v1::Driver>;
using BuilderDriver = Handle<builder::v1::Driver>;
using LogDriver = Handle<log::v1::Driver>;

/// The part of daemon.json that chooses drivers.
struct DriverConfig {
  std::vector<std::string> directories;  ///< Searched in order for *.so.
  std::string data_root;                 ///< Each driver gets <data_root>/drivers/<kind>-<name>.
  std::string exec_root;                 ///< and <exec_root>/drivers/<kind>-<name>.
  std::string libexec_dir;
  std::string storage = "overlay";         ///< storage-driver
  std::string registry = "hub";            ///< registry-driver
  std::string runtime = "native";          ///< The driver behind default-runtime.
  std::string log;                         ///< log-driver; empty: not looked for.
  bool isolate_all{};                      ///< isolate-plugins: true
  std::vector<std::string> isolated;       ///< isolate-plugins: names, or kinds and names
  Options log_options;                     ///< log-opts, but for those that are the daemon's own.
  std::map<std::string, Options> options;  ///< Driver name ("overlay", "bridge") to its options.
  /// runtimes: a name that `--runtime` takes, to the driver behind it and its options.
  struct RuntimeChoice {
    std::string driver;
    Options options;
    bool operator==(const RuntimeChoice&) const = default;
  };
  std::map<std::string, RuntimeChoice> runtimes;
  /// How long a driver's opening may take once the daemon runs. Not of daemon.json.
  std::chrono::milliseconds open_limit{60'000};
  std::chrono::milliseconds open_grace{10'000};
};

/// The drivers of this daemon. Loaded once at start; afterwards io thread only, but for `call`'s work.
class Drivers {
 public:
  Drivers(DriverConfig config, Workers& workers);
  ~Drivers();
  Drivers(const Drivers&) = delete;
  Drivers& operator=(const Drivers&) = delete;

  /// Loads every driver that is found and opens those that the config chooses (storage, registry, the runtimes) and all
  /// network, IPAM, volume, builder and log drivers. A file that is refused is logged and listed with the reason.
  /// Errors: invalid if the config names a driver or an option that there is not: the message lists those that there
  /// are.
  void load();

  /// Finds the drivers and checks the config against them as `load` does, but opens none and touches nothing.
  /// Errors: as `load`.
  void check();

  /// Takes over options of the registry driver and runtimes under new names, and another default runtime, from a config
  /// that was read again. Calls into the registry driver that are under way end in the object with the old options. All
  /// of it or nothing; what is opened is opened on another thread. Answers the names of runtimes whose
  /// driver or options changed, which need a restart ("a, b"); empty: none. One such change at a time, of this and
  /// `enable`, `disable` and `prepare_successor`.
  /// Errors: as `load`; unavailable (a driver does not return from its opening).
  awaitable<std::string> reload(DriverConfig fresh);

  /// Takes a driver out of use, now and at the next starts; its object goes when the calls under way have ended. That
  /// nothing is left that needs it is the caller's to know. Waits for the end of its process, if it has one and no call
  /// is under way, so that it may be enabled again at once.
  /// Errors: not_found, conflict (the config chooses it, or it is disabled already).
  awaitable<void> disable(std::string kind, std::string name);

  /// Loads its file as it is now and opens it on another thread. Errors: not_found, conflict (it is enabled), invalid
  /// (the file is refused), else as of its opening.
  awaitable<void> enable(std::string kind, std::string name);

  /// A driver's file as it is now, opened beside what is in use. Nothing has changed until `replace`.
  struct Successor;
  /// Loads and opens it on another thread.
  /// Errors: not_found, conflict (disabled; a storage driver), invalid (the file is refused), else as of its opening.
  awaitable<std::shared_ptr<Successor>> prepare_successor(std::string kind, std::string name);
  /// By the names that they serve: those of plugins behind the driver too.
  [[nodiscard]] static std::map<std::string, NetworkDriver> networks_of(const Successor& successor);
  [[nodiscard]] static std::map<std::string, IpamDriver> ipams_of(const Successor& successor);
  /// From here on new calls go to the successor; those under way end where they are.
  /// Errors: conflict (a plugin behind the driver has come into use since `prepare_successor`).
  void replace(Successor& successor);

  /// How a driver that has crashed in its process learns again (see Isolation). Never called once this is gone.
  void set_teach(Isolation::Teach teach);

  [[nodiscard]] const StorageDriver& storage() const;
  [[nodiscard]] const RegistryDriver& registry() const;
  /// That of a transport ("oci"); of an empty one the config's. Errors: not_found.
  [[nodiscard]] const RegistryDriver& registry(const std::string& transport) const;
  /// That of a name, which is a driver's, or of a plugin's that a driver stands for: that is opened when somebody uses
  /// it first, on another thread; all who use it meanwhile wait for the same opening.
  /// Errors: not_found, in dockerd's words; unavailable (the opening does not end); else as of the opening.
  awaitable<NetworkDriver> use_network(std::string name);
  awaitable<IpamDriver> use_ipam(std::string name);
  awaitable<VolumeDriver> use_volume(std::string name);

  /// Those that are open. Errors, in dockerd's words: invalid for a runtime, not_found for one of another kind.
  [[nodiscard]] const RuntimeDriver& runtime(const std::string& name) const;  ///< Empty: the default one.
  [[nodiscard]] const NetworkDriver& network(const std::string& name) const;
  [[nodiscard]] const IpamDriver& ipam(const std::string& name) const;
  [[nodiscard]] const VolumeDriver& volume(const std::string& name) const;
  [[nodiscard]] const BuilderDriver& builder(const std::string& name) const;
  [[nodiscard]] const LogDriver& log(const std::string& name) const;
  [[nodiscard]] LogDriver find_log(const std::string& name) const;  ///< An empty one if there is none.

  /// Where the daemon's own helper programs are.
  [[nodiscard]] const std::string& libexec_dir() const;

  [[nodiscard]] std::vector<std::string> runtime_names() const;
  [[nodiscard]] std::vector<std::string> names(const std::string& kind) const;
  [[nodiscard]] const std::string& default_runtime() const;
  [[nodiscard]] std::vector<DriverInfo> list() const;  ///< Also those that were refused.

  /// Checks the user's options of scope `object` against those that the driver takes.
  /// Errors: invalid, naming the option and those that there are.
  static void check_object_options(const DriverInfo& driver, const Options& options);

  /// Calls into a driver on a thread of `pool` and resumes on the io thread with the result. A foreign exception
  /// becomes `Errc::internal` and is logged with the driver's name. When `settings.cancel` fires or the time limit
  /// passes, the call's token is cancelled; a driver that then does not return within the grace period is given up: the
  /// caller gets `unavailable` and the thread is replaced when it ever returns. So `work` may outlive the caller: it
  /// captures by value, and gives its results back by value.
  ///
  ///     const plugins::CallSettings settings;
  ///     const auto work = [key](auto& driver, const Call& call) {
  ///       std::vector<Mount> out;
  ///       driver.mounts(key, out, call);
  ///       return out;
  ///     };
  ///     auto mounts = co_await drivers.call(drivers.storage(), Pool::quick, settings, work);
  ///
  /// Both are named: g++ 12 destroys a lambda's captures twice if it is a temporary of the co_await expression.
  template <class Driver, class Work>
  awaitable<std::invoke_result_t<Work, Driver&, const Call&>> call(Handle<Driver> handle, Pool pool,
                                                                   CallSettings settings, Work work) {
    return guarded_call(workers_, std::move(handle), pool, std::move(settings), std::move(work));
  }

  /// The same without a trip to a worker, for what a driver promises to answer at once. There is no giving it up.
  template <class Driver, class Work>
  static std::invoke_result_t<Work, Driver&, const Call&> call_here(Handle<Driver> handle, Work work) {
    return guarded_call_here(std::move(handle), std::move(work));
  }

 private:
  struct Impl;
  Workers& workers_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::plugins
