#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/async.hpp"
#include "containers/container.hpp"
#include "containers/exec.hpp"
#include "containers/filter.hpp"
#include "containers/trace.hpp"
#include "containers/tree_path.hpp"
#include "events/bus.hpp"
#include "gantry/log.hpp"
#include "gantry/runtime.hpp"
#include "gantry/storage.hpp"
#include "gantry/unique_fd.hpp"
#include "images/service.hpp"
#include "networks/service.hpp"
#include "plugins/drivers.hpp"
#include "state/store.hpp"
#include "volumes/service.hpp"

namespace gantry {
class FolderChanges;
}

namespace gantry::containers {

/// What of daemon.json concerns containers.
struct Settings {
  std::string data_root;
  std::string log_notices;  ///< The folder by which processes beside containers tell the daemon's log of lost lines.
  std::int64_t default_shm_size = std::int64_t{64} << 20;
  std::string default_log_driver = "json-file";
  std::map<std::string, std::string> default_log_options;
  std::string default_cgroupns_mode;  ///< "host" or "private"; empty: private on cgroup v2, host on v1, as dockerd.
  std::map<std::string, wire::Ulimit> default_ulimits;
  std::vector<std::string> dns;
  std::vector<std::string> host_gateways;  ///< What "host-gateway" stands for; empty: the default bridge's addresses.
  std::vector<std::string> dns_options;
  std::vector<std::string> dns_search;
  bool default_init{};  ///< `--init` of the daemon.
  bool no_new_privileges{};
  bool apparmor{};                                                     ///< Whether the kernel has it.
  bool live_restore{};                                                 ///< Containers run on when the daemon ends.
  std::vector<std::string> cdi_spec_dirs{"/etc/cdi", "/var/run/cdi"};  ///< Of two with a device the later one has it.
  std::chrono::seconds stop_timeout{10};
  std::chrono::milliseconds log_driver_limit{30'000};  ///< What a log driver may take for one answer.
  std::string seccomp_profile;                         ///< "": built-in; "unconfined"; or a profile's JSON text.
  /// Of the containers' user namespaces (--userns-remap); empty: they have none.
  std::vector<runtime::v1::IdMap> uid_map;
  std::vector<runtime::v1::IdMap> gid_map;
};

struct CreateRequest {
  std::string name;  ///< Empty: choose one.
  wire::CreateBody body;
  std::string platform;
  bool binds_readonly_at_top{};  ///< Of a read-only bind only the top is: all that older clients know of.
  bool passing{};  ///< Removed by the recovery, should the daemon die before whoever creates it removes it.
};

struct Created {
  std::string id;
  std::vector<std::string> warnings;
};

enum class WaitCondition { not_running, next_exit, removed };

struct WaitResult {
  int exit_code{};
  std::string error;
};

/// `signal` empty: the container's; `timeout` absent: the container's; -1: wait without limit.
struct StopRequest {
  std::string signal;
  std::optional<int> timeout;
};

struct RemoveRequest {
  bool force{};
  bool volumes{};
};

struct UpdateRequest {
  wire::Resources resources;
  std::optional<wire::RestartPolicy> restart_policy;
};

/// API: PutContainerArchive.
struct ExtractRequest {
  bool keep_kind{};  ///< noOverwriteDirNonDir
  bool as_user{};    ///< copyUIDGID: what is made becomes the container's user's.
};

/// A container's top as `ps` prints it.
struct Processes {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};

struct Pruned {
  std::vector<std::string> ids;
  std::uint64_t space{};
};

/// An attached client's place: streams exist once the container runs, so whoever attaches before gets them then.
class Attachment {
 public:
  virtual ~Attachment() = default;
  /// The streams' socket; an empty one if the container was removed, or its start failed, before it ran.
  virtual awaitable<UniqueFd> socket() = 0;
  /// Gives the place up: wakes `socket`.
  virtual void close() = 0;
};

/// A driver that reads a container's log back, and what it wants to know for that.
struct LogSource {
  plugins::LogDriver driver;
  log::v1::Subject subject;
  Options options;
};

/// What containers mean: identity, life cycle, processes, recovery. Every operation takes a name, an id or an
/// unambiguous start of an id and fails with not_found ("No such container: x"). Operations that change one container
/// run one after the other. Io thread only.
class Service {
 public:
  struct Neighbours {
    state::Store& store;
    events::Bus& bus;
    plugins::Drivers& drivers;
    Workers& workers;
    images::Service& images;
    networks::Service& networks;
    volumes::Service& volumes;
  };

  Service(asio::any_io_executor executor, Neighbours neighbours, Settings settings);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Takes up what was there when the daemon ended or was killed, undoes what was half done, removes from the drivers
  /// what no record names, and starts what its restart policy asks for. Once, before the first request.
  awaitable<void> recover();

  /// The daemon ends: stops the containers unless they are to run on. Afterwards nothing is restarted.
  awaitable<void> shut_down();

  /// The daemon's reload: whether `shut_down` lets them run on.
  void set_live_restore(bool live_restore);

  using Snapshot = std::shared_ptr<const Container>;
  [[nodiscard]] Snapshot find(const std::string& name_or_id) const;
  [[nodiscard]] std::vector<Snapshot> all() const;  ///< Newest first.
  /// By id: what the containers that link to it call it, "/web/db".
  [[nodiscard]] std::multimap<std::string, std::string> link_names() const;
  /// Those that pass. Errors: invalid (a filter's name or value), not_found (`before`, `since`).
  [[nodiscard]] std::vector<Snapshot> list(const Filter& filter) const;

  awaitable<Created> create(CreateRequest request);
  /// "NAME=value" that the container's next process gets and no record holds.
  void lend_environment(const std::string& id, std::vector<std::string> environment);
  /// False if it runs already.
  awaitable<bool> start(std::string name);
  /// False if it does not run.
  awaitable<bool> stop(std::string name, StopRequest request);
  awaitable<void> restart(std::string name, StopRequest request);
  awaitable<void> kill(std::string name, std::string signal);
  /// `passing`: for the caller's own work; should the daemon die before the `unpause`, its recovery does that.
  awaitable<void> pause(std::string name, bool passing = false);
  awaitable<void> unpause(std::string name);
  awaitable<void> remove(std::string name, RemoveRequest request);
  /// `rm --link`: "web/db" takes away from the container web that it calls another one db. Errors: invalid for a
  /// container's own name.
  awaitable<void> remove_link(std::string name);
  /// Forgets what was logged so far (`gantry logs --clear`).
  /// Errors: unsupported (its driver keeps none).
  awaitable<void> clear_logs(std::string name);
  /// Who gives back what the container logged; nothing if nobody does.
  [[nodiscard]] std::optional<LogSource> log_source(const Container& container) const;
  awaitable<void> rename(std::string name, std::string new_name);
  /// The warnings.
  awaitable<std::vector<std::string>> update(std::string name, UpdateRequest request);
  /// Publishes more ports and others no longer, at once if it runs. Errors: as of the free function `edit_ports` and of
  /// networks::Service::publish; nothing has changed then.
  awaitable<void> edit_ports(std::string name, wire::PortMap add, wire::PortMap remove);
  /// Takes away the mounts at the places `remove` and makes those of `add`, in the running container too; first those
  /// that do not need the place of another. Errors: invalid, not_found (no mount there), conflict (two at one place;
  /// one that is in use), unsupported (the runtime cannot do it; an image into a running container). Then, and if the
  /// daemon is killed in between, all is as before; but what had been taken away already comes back as new: a tmpfs is
  /// empty, an image comes with the next start.
  awaitable<void> edit_mounts(std::string name, std::vector<wire::MountRequest> add, std::vector<std::string> remove);
  awaitable<void> resize(std::string name, std::uint16_t rows, std::uint16_t columns);
  awaitable<Pruned> prune(Filter filter);

  /// Registers at once; the result comes from `Waiter::result`.
  class Waiter;
  [[nodiscard]] std::shared_ptr<Waiter> wait(const std::string& name, WaitCondition condition);

  /// `container attach`: streams from now on. `detached` tells the event.
  awaitable<std::shared_ptr<Attachment>> attach(std::string name);
  void tell_detached(const std::string& id);

  awaitable<Processes> top(std::string name, std::string ps_arguments);
  awaitable<runtime::v1::Stats> stats(std::string name);
  awaitable<std::vector<storage::v1::Change>> changes(std::string name);
  /// Where the host has the container's tree, by Docker's names; nothing if its storage driver does not tell.
  awaitable<std::map<std::string, std::string>> places(std::string id);
  awaitable<storage::v1::Usage> usage(std::string id);

  /// The mounts that make up its tree without volumes, to be performed in a mount namespace (build).
  awaitable<std::vector<Mount>> tree(std::string name);
  /// Files of a container, running or not (archive.cpp). Errors: not_found (the container, the path), io.
  awaitable<PathStat> stat_path(std::string name, std::string path);
  /// Calls `found` first, then gives a tar stream of what is at `path` to `sink`.
  using PathFound = std::function<awaitable<void>(const PathStat&)>;
  awaitable<void> read_path(std::string name, std::string path, PathFound found, images::DownloadSink sink);
  /// Extracts a tar stream into the directory `path`.
  awaitable<void> write_path(std::string name, std::string path, ExtractRequest request, images::UploadSource source);
  /// The whole tree without its volumes, as a tar stream.
  awaitable<void> export_files(std::string name, images::DownloadSink sink);

  awaitable<std::string> create_exec(std::string name, ExecRequest request);
  /// Errors: not_found, conflict, as `start_exec` would throw before it does anything.
  void check_exec(const std::string& exec_id) const;
  /// Starts it and hands over its streams (an empty descriptor if none is attached).
  awaitable<UniqueFd> start_exec(std::string exec_id, ExecStart start);
  /// Returns once it does not run and its exit code is known.
  awaitable<void> exec_ended(std::string exec_id);
  [[nodiscard]] std::shared_ptr<const Exec> find_exec(const std::string& exec_id) const;
  [[nodiscard]] std::vector<std::string> execs_of(const std::string& id) const;
  awaitable<void> resize_exec(std::string exec_id, std::uint16_t rows, std::uint16_t columns);

  /// The steps of the last create and start of a container, for `GET /gantry/trace/{id}`; null if there is none.
  [[nodiscard]] const Trace* trace(const std::string& id) const;

  /// For images and volumes: who uses them.
  [[nodiscard]] std::vector<images::Service::User> users_of_image(const std::string& image_id) const;
  [[nodiscard]] std::vector<std::string> users_of_volume(const std::string& volume) const;
  /// Those that run, are not paused, and have it mounted writable.
  [[nodiscard]] std::vector<std::string> writers_of_volume(const std::string& volume) const;

  /// `network connect` and `disconnect`, of a container that runs or not.
  awaitable<void> connect(std::string name, std::string network, wire::EndpointSettings settings);
  awaitable<void> disconnect(std::string name, std::string network, bool force);

  [[nodiscard]] const Settings& settings() const;
  [[nodiscard]] Workers& workers() const;
  [[nodiscard]] plugins::Drivers& drivers() const;
  /// For those who follow logs.
  [[nodiscard]] std::shared_ptr<FolderChanges> log_changes() const;
  [[nodiscard]] networks::Service& networks() const;

  struct Impl;

 private:
  awaitable<void> unpause_quietly(std::string id);

  std::unique_ptr<Impl> impl_;
};

/// Someone who waits for a container's end.
class Service::Waiter {
 public:
  explicit Waiter(asio::any_io_executor executor) : timer_(std::move(executor)) {}

  /// Errors: cancelled if `close` came first.
  awaitable<WaitResult> result();
  /// Called once, when the result is there.
  void on_settled(std::function<void()> then) { then_ = std::move(then); }
  void close();

 private:
  friend class Service;
  friend struct Service::Impl;
  void settle(WaitResult result);

  WaitCondition condition_{};
  std::optional<WaitResult> result_;
  std::function<void()> then_;
  bool closed_{};
  asio::steady_timer timer_;
};

}  // namespace gantry::containers
