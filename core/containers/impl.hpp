#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/folder_changes.hpp"
#include "containers/health_monitor.hpp"
#include "containers/log_notices.hpp"
#include "containers/logging.hpp"
#include "containers/service.hpp"
#include "containers/tree_ids.hpp"
#include "volumes/name_locks.hpp"

/// What the files of the service share; each file has one subject.
namespace gantry {
class MountedTree;
}

namespace gantry::containers {

using Attributes = std::map<std::string, std::string>;

/// What the storage driver holds for a container: its top, and one for each image that is mounted.
std::vector<std::string> storage_keys(const Container& container);

/// What a container's settings for one network ask of it.
networks::EndpointRequest endpoint_request(const std::string& network, const wire::EndpointSettings& settings);

class WaitingAttachment;
struct MountPlan;

/// What of a container is not on record: it is made anew by each daemon.
struct Live {
  AsyncMutex mutex;     ///< One change at a time.
  AsyncMutex files;     ///< Of what a running container has bound: /etc/hosts, also for the start of another one.
  std::uint64_t run{};  ///< Counts starts: tells a watcher whether it still watches the present run.
  std::shared_ptr<asio::posix::stream_descriptor> oom;
  std::uint64_t oom_run{};               ///< Of which run a lack of memory is watched for.
  std::optional<std::string> tried_log;  ///< Of the present start, once it got as far as to its files: the log's path.
  std::vector<std::shared_ptr<Service::Waiter>> waiters;
  std::vector<std::weak_ptr<WaitingAttachment>> attaching;
  std::shared_ptr<asio::steady_timer> restart_timer;  ///< Set while the container waits for its restart.
  std::chrono::milliseconds backoff{0};
  bool restart_cancelled{};               ///< A stop or a kill: whatever the policy, the present run is the last.
  std::vector<Mount> root;                ///< The storage driver's answer, once known.
  std::shared_ptr<HealthMonitor> health;  ///< While probes are due.
  std::shared_ptr<plugins::CancelSource> log_call;  ///< Of the present start, while a log driver is asked.
  bool files_written{};
  std::vector<UniqueFd> joined;       ///< The inits (in /proc) whose namespaces the present start joins.
  std::vector<std::string> lent_env;  ///< In no record: a build's secrets.
  int removals{};                     ///< Under way: nothing restarts.
  int restarts{};                     ///< By the user, between the stop and the start: --rm takes nothing away.
  Trace trace;
};

/// Counts in `removals` or `restarts` as long as it is there.
class UnderWay {
 public:
  UnderWay(std::shared_ptr<Live> its, int Live::*count) : live_(std::move(its)), count_(count) { ++(*live_.*count_); }
  ~UnderWay() { --(*live_.*count_); }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  std::shared_ptr<Live> live_;
  int Live::*count_;
};

/// A container and the right to change it.
class Held {
 public:
  Held(std::shared_ptr<Live> its, AsyncMutex::Lock its_lock, Service::Snapshot record)
      : live(std::move(its)), lock(std::move(its_lock)), container(std::move(record)) {}

  std::shared_ptr<Live> live;
  AsyncMutex::Lock lock;  // behind `live`, whose mutex it unlocks
  Service::Snapshot container;
};

struct Service::Impl {
  Impl(asio::any_io_executor executor, Neighbours neighbours, Settings settings);

  // index.cpp: who is who.
  [[nodiscard]] Snapshot find(const std::string& name_or_id) const;
  [[nodiscard]] Snapshot find_linked(const std::string& path) const;  ///< nullptr: none.
  [[nodiscard]] bool is_known(const std::string& name_or_id) const;
  [[nodiscard]] std::shared_ptr<Live> live(const std::string& id);
  awaitable<Held> hold(std::string name_or_id);
  void check_name(const std::string& name) const;  ///< Errors: invalid, conflict.
  [[nodiscard]] std::string free_name() const;
  template <class Change>
  Snapshot change(const std::string& id, Change&& change) {
    Snapshot result;
    at.store.update([&](state::Transaction& transaction) {
      Container container = *table.find(id);
      change(container);
      result = table.put(transaction, id, std::move(container));
    });
    return result;
  }
  void publish(const std::string& action, const Container& container, Attributes attributes = {});
  void tell_error(const std::string& id, const std::exception& error);  ///< What nobody waits for.
  [[nodiscard]] std::string folder(const std::string& id) const { return settings.data_root + "/containers/" + id; }

  // create.cpp
  awaitable<Created> create(CreateRequest request);
  void plan(Container& container, const CreateRequest& request, const images::Image& image,
            std::vector<std::string>& warnings);
  /// The containers whose namespaces are joined become ids, so that a rename changes nothing. Errors: invalid.
  void resolve_joined(wire::HostConfig& host) const;
  /// Whose network it is. Errors: not_found, invalid (nobody's: each joins the next one's).
  [[nodiscard]] Snapshot network_owner(Snapshot container) const;
  /// Their targets become ids. Errors: invalid, in dockerd's words.
  void resolve_links(wire::HostConfig& host) const;
  awaitable<void> make_volumes(Container& container, std::shared_ptr<const images::Image> image);
  awaitable<void> prepare(std::shared_ptr<const Container> container, std::shared_ptr<const images::Image> image);
  awaitable<void> undo_create(Container container);
  awaitable<void> warn_of_hooks(const Container& container, std::vector<std::string>& warnings);

  // fill_volumes.cpp
  /// A volume that gets what the image has at its place, if it is empty.
  struct Unfilled {
    std::string name;
    std::string destination;
    std::string directory;  ///< Empty: only its driver's mount shows the data.
  };
  volumes::NameLocks filling;
  /// Errors, in dockerd's words: as of the driver's mount, invalid (the image has a file there), io.
  awaitable<void> fill_volumes(std::string id, std::vector<Unfilled> unfilled);
  awaitable<void> fill_mounted(std::shared_ptr<MountedTree> tree, Unfilled volume);

  // logging.cpp
  [[nodiscard]] plugins::LogDriver log_driver_of(const Container& container) const;  ///< Errors: invalid.
  PromptAnswers prompt_logs;
  awaitable<void> check_log(const Container& container);
  awaitable<log::v1::Plan> plan_log(std::shared_ptr<const Container> container);
  awaitable<void> plan_cache(log::v1::Subject subject, Options options, log::v1::Plan& plan);

  // start.cpp: `held.container` is the present record before and after.
  enum class Starter { user, daemon, restart_policy };
  awaitable<bool> start(Held& held, Starter starter);
  awaitable<void> run(Held& held);
  void note_sandbox(Container& record, std::string log_path) const;  ///< What inspect tells of a start, failed or not.
  awaitable<void> undo_start(std::string id, std::vector<MountPoint> mounts, std::string runtime);
  awaitable<runtime::v1::Spec> make_spec(std::shared_ptr<const Container> container);
  /// image_mounts.cpp: the mounts of the images that are mounted, by destination.
  awaitable<std::map<std::string, std::vector<Mount>>> prepare_images(std::shared_ptr<const Container> container);
  /// Those that `before` mounted and `after` does not.
  awaitable<void> remove_unused_tops(std::shared_ptr<const Container> before, std::shared_ptr<const Container> after);
  awaitable<void> connect_attachments(std::string id);
  void drop_attachments(const std::string& id);
  [[nodiscard]] plugins::RuntimeDriver runtime_of(const Container& container) const;

  // sandbox.cpp: networks and the files that tell of them.
  [[nodiscard]] networks::SandboxRequest sandbox_request(const Container& container) const;
  awaitable<networks::Sandbox> join_networks(std::shared_ptr<const Container> container, std::int64_t pid,
                                             std::uint64_t start_time);
  [[nodiscard]] std::map<std::string, wire::EndpointSettings> describe(const Container& container,
                                                                       const networks::Sandbox& sandbox) const;
  struct SandboxFiles {
    std::string folder;
    std::string hosts, hostname, resolv_conf;
  };
  /// The containers that are linked to and what they are called. Errors: conflict, in dockerd's words.
  [[nodiscard]] std::vector<std::pair<std::string, Snapshot>> linked(const Container& container) const;
  [[nodiscard]] SandboxFiles sandbox_files(const Container& container, const networks::Sandbox& sandbox) const;
  /// What "host-gateway" of --add-host means: the host as the default bridge has it; empty: there is none.
  [[nodiscard]] std::vector<std::string> host_gateways() const;
  static void write(const SandboxFiles& files);
  [[nodiscard]] std::string resolv_conf(const Container& container, bool resolver, bool ipv6) const;
  /// As dockerd, those that run and link to it hear of its address, which is another one after a restart.
  awaitable<void> tell_linking(std::shared_ptr<const Container> container);
  /// While the container runs: what it has changed in its files stays. `joined` and `left` are empty for none.
  awaitable<void> update_sandbox_files(std::shared_ptr<const Container> container, networks::Sandbox sandbox,
                                       networks::Endpoint joined, networks::Endpoint left);

  // exit.cpp
  void watch(std::string id, std::uint64_t run, UniqueFd exit_fd);
  awaitable<void> watch_exit(std::string id, std::uint64_t run, UniqueFd exit_fd);
  awaitable<void> ended(Held& held);
  awaitable<runtime::v1::ExitStatus> exit_status(std::shared_ptr<const Container> container);
  awaitable<void> free_run(std::string id, std::vector<MountPoint> mounts, std::string runtime);
  awaitable<void> end_runtime(std::string id, std::string runtime);
  awaitable<void> release_volumes(std::string id, std::vector<MountPoint> mounts);
  void settle_waiters(const Container& container, bool ended, bool removed);

  // oom.cpp: while a container with a limit runs. All may be called at any time.
  void watch_oom(const Container& container);
  void stop_oom(const std::string& id);
  awaitable<void> follow_oom(std::string id, std::uint64_t run);

  // restart.cpp
  void restart_later(const std::string& id, Nanoseconds ran);
  awaitable<void> restart_after(std::string id, std::shared_ptr<asio::steady_timer> timer);
  void give_up_restart(Held& held);
  awaitable<void> start_at_boot(std::string id);
  awaitable<void> await_others(std::shared_ptr<const Container> container);
  void boot();

  // archive.cpp: `use` gets the root directory, which is there until it returns.
  struct UsedTree {
    int root;
    TreeIds ids;
  };
  using TreeUse = std::function<awaitable<void>(const UsedTree& tree)>;
  awaitable<TreeIds> stopped_tree_ids(std::shared_ptr<const Container> container, int root,
                                      std::set<std::string> with_host_ids);
  awaitable<void> use_tree(std::string id, bool with_places, TreeUse use);
  awaitable<void> use_stopped_tree(std::shared_ptr<const Container> container, bool with_places, TreeUse use);
  awaitable<std::vector<Mount>> tree_mounts(std::string id);
  /// `with_host_ids` gets the destinations of those whose ids on disk are not the container's.
  awaitable<std::vector<Mount>> acquire_places(std::shared_ptr<const Container> container,
                                               std::set<std::string>* with_host_ids);

  // edit.cpp
  awaitable<void> name_volume(MountPoint& place, const wire::MountRequest& asked);
  awaitable<void> mount_live(std::shared_ptr<const Container> container, MountPoint place);
  awaitable<void> unmount_live(std::shared_ptr<const Container> container, MountPoint place);
  awaitable<void> release_unused(std::shared_ptr<const Container> container, std::vector<MountPoint> gone);
  awaitable<void> mount_step(Held& held, MountPoint place);
  awaitable<void> unmount_step(Held& held, MountPoint place);
  awaitable<void> carry_out(Held& held, MountPlan& plan);
  enum class Step { mount, unmount };
  /// False if it is in use.
  awaitable<bool> take_back(std::shared_ptr<const Container> container, MountPoint place, Step what);
  /// Takes back what is on record of an edit. `cut_off`: a daemon did not come to an end with its last step.
  awaitable<void> undo_edit(Held& held, bool cut_off);
  /// Once nothing of it is mounted.
  awaitable<void> forget_edit(Held& held);

  // stop.cpp
  awaitable<bool> stop(std::string id, StopRequest request);
  awaitable<void> send_signal(std::string id, int signal);
  awaitable<bool> wait_for_exit(std::string id, std::chrono::milliseconds limit);

  awaitable<void> restart(std::string id, StopRequest request);
  /// Lets a paused container run again.
  awaitable<void> resume(Held& held);

  // exec.cpp
  std::shared_ptr<Exec> create_exec(const Container& container, ExecRequest request);
  void settle_exec(Exec& exec, int code);
  void forget_exec(const std::string& exec_id);
  awaitable<UniqueFd> start_exec(std::shared_ptr<Exec> exec, ExecStart start);

  // health_monitor.cpp: probes come while a container runs. Both may be called at any time.
  void start_health(const std::string& id);
  void stop_health(const std::string& id);
  awaitable<void> monitor_health(std::string id, std::shared_ptr<HealthMonitor> monitor);
  awaitable<void> run_probe(std::string id, std::shared_ptr<HealthMonitor> monitor, ProbeResult& result);
  awaitable<void> watch_probe(std::shared_ptr<Probe> probe, std::shared_ptr<HealthMonitor> monitor, Nanoseconds limit,
                              ProbeResult& result);
  awaitable<void> kill_probe(std::string id, std::string exec_id);
  void take_probe(const std::string& id, ProbeResult result);
  awaitable<void> act_on_failure(std::string id, std::string action);

  // remove.cpp
  /// What becomes of a container's anonymous volumes. `as_recorded`: what a removal that was cut off had decided.
  enum class WithVolumes { no, yes, as_recorded };
  awaitable<void> remove_held(Held& held, WithVolumes volumes);
  awaitable<void> remove_volumes_of(Container gone, WithVolumes volumes);
  awaitable<void> remove_auto(Held& held);

  // remove.cpp
  void lose_links(state::Transaction& transaction, const Container& gone);

  // recovery.cpp
  awaitable<void> recover_one(std::string id);
  awaitable<void> recover_or_tell(std::string id);
  awaitable<void> recover_pause(Held& held);
  awaitable<void> settle_networks(Held& held, networks::Adoption adoption);
  awaitable<void> freeze(Container container);
  awaitable<void> recover_alive(Held& held);
  awaitable<void> sweep();
  [[nodiscard]] bool is_top_of_someone(const std::string& key) const;

  asio::any_io_executor executor;
  Neighbours at;
  Settings settings;
  state::Table<Container> table;
  std::shared_ptr<FolderChanges> log_changes;
  LogNotices log_notices;
  std::map<std::string, std::string> names;  ///< Name to id.
  std::map<std::string, std::shared_ptr<Container>>
      creating;  ///< Creations under way: they hold names, images and volumes.
  std::map<std::string, std::shared_ptr<Live>> lives;
  std::map<std::string, std::shared_ptr<Exec>> execs;
  std::deque<std::string> ended_execs;  ///< Ids, oldest first.
  /// Those that the daemon starts by itself at its own start: their timers are cancelled when that is done.
  std::map<std::string, std::shared_ptr<asio::steady_timer>> booting;
  bool recovering{};  ///< Until `boot`, which starts all that is to come back.
  bool ending{};      ///< The daemon ends: nothing is restarted.
};

/// An attachment that may come before the container runs.
class WaitingAttachment : public Attachment {
 public:
  explicit WaitingAttachment(asio::any_io_executor executor) : timer_(std::move(executor)) {
    timer_.expires_at(asio::steady_timer::time_point::max());
  }

  awaitable<UniqueFd> socket() override;
  void close() override { give(UniqueFd{}); }
  void give(UniqueFd socket);

 private:
  UniqueFd socket_;
  bool settled_{};
  asio::steady_timer timer_;
};

}  // namespace gantry::containers
