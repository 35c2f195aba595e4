#include "container_shim/shim_driver.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <utility>

#include "container_shim/cgroup_control.hpp"
#include "container_shim/live_mounts.hpp"
#include "container_shim/oom_watch.hpp"
#include "container_shim/processes.hpp"
#include "container_shim/protocol.hpp"
#include "container_shim/shim_client.hpp"
#include "container_shim/shim_program.hpp"
#include "container_shim/spec_translation.hpp"
#include "container_shim/stats.hpp"

namespace gantry::container_shim {

namespace {

using runtime::v1::ExecSpec;
using runtime::v1::ExitStatus;
using runtime::v1::Resources;
using runtime::v1::Running;
using runtime::v1::Spec;
using runtime::v1::Stats;
using runtime::v1::Streams;

Error not_found(const std::string& id) { return {Errc::not_found, "No such container: " + id}; }

Error not_running(const std::string& id) { return {Errc::conflict, "container " + id + " is not running"}; }

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) < 0) throw Error{Errc::io, std::string("pipe: ") + std::strerror(errno)};
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::pair<UniqueFd, UniqueFd> make_socket_pair(int type) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0) {
    throw Error{Errc::io, std::string("socketpair: ") + std::strerror(errno)};
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// Undoes what a failed step has begun.
template <class Undo>
class Rollback {
 public:
  explicit Rollback(Undo undo) : undo_(std::move(undo)) {}
  ~Rollback() {
    if (active_) undo_();
  }
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  void release() { active_ = false; }

 private:
  Undo undo_;
  bool active_ = true;
};

bool has_ended(int exit_fd) {
  pollfd poll{exit_fd, POLLIN, 0};
  return ::poll(&poll, 1, 0) > 0;
}

}  // namespace

ShimDriver::~ShimDriver() { reap_shims(); }

void* ShimDriver::query(std::string_view ability) noexcept {
  if (ability == LiveMounts::kAbility) return static_cast<LiveMounts*>(this);
  return ability == OomWatch::kAbility ? static_cast<OomWatch*>(this) : nullptr;
}

void ShimDriver::capabilities(Capabilities& out) const {
  out = {"exec", "pause", "update", "stats", "log-plan", "bind-lookup", LiveMounts::kAbility, OomWatch::kAbility};
}

void ShimDriver::options(std::vector<OptionInfo>& out) const {
  out = {{"cgroup-parent", OptionType::text, OptionScope::driver, "gantry", "The cgroup that containers are made in"},
         {"default-ulimits", OptionType::list, OptionScope::driver, "",
          "Limits for containers that set none, as nofile=1024:2048"}};
}

void ShimDriver::open(Host& host) {
  base_ = host.exec_dir();
  const Options& options = host.options();
  const auto value = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  const std::string parent = value("cgroup-parent");
  default_parent_ = normalize_cgroup_parent(parent.empty() ? "gantry" : parent);
  std::istringstream limits(value("default-ulimits"));
  for (std::string limit; std::getline(limits, limit, ',');) default_rlimits_.push_back(parse_ulimit(limit));
  layout_ = find_cgroup_layout();
  if (layout_.hierarchies.empty())
    throw Error{Errc::unsupported, "no cgroup hierarchy is mounted below /sys/fs/cgroup"};
  shim_ = load_sealed(host.libexec_dir() + "/gantry-shim");
}

ContainerFiles ShimDriver::files(const std::string& id) const {
  if (!is_valid_id(id)) throw Error{Errc::invalid, "invalid container id \"" + id + "\""};
  return {base_, id};
}

Error ShimDriver::explain(const std::string& /*id*/, const std::string& /*exec_id*/, const Error& error) {
  return error;
}

void ShimDriver::release(const ContainerFiles& /*container*/, const Call& /*call*/) {}

void ShimDriver::create(const Spec& spec, Running& out, const Call& call) {
  reap_shims();
  const ContainerFiles container = files(spec.id);
  const std::string parent = spec.cgroup_parent.empty() ? default_parent_ : normalize_cgroup_parent(spec.cgroup_parent);
  ensure_cgroup_parent(layout_, parent);  // first: a container takes over its parent's cpuset
  const Plan work = plan(spec, {layout_, container.directory(), parent, default_rlimits_});
  const int init = init_program(spec);
  container.create(work.cgroups);
  Rollback undo([&] {
    try {
      remove(spec.id, call);
    } catch (const Error& error) {
      call.log(LogLevel::warning, error.what());
    }
  });

  auto [control, shim_control] = make_socket_pair(SOCK_SEQPACKET);
  auto [exit_fd, exit_pipe] = make_pipe();
  const UniqueFd encoded = memory_file("gantry-plan", encode(work));
  const pid_t shim = spawn_shim(shim_.get(), spec.id, {shim_control.get(), encoded.get(), exit_pipe.get(), init});
  shim_control.reset();
  exit_pipe.reset();
  const int connection = control.get();
  remember_shim(spec.id, shim, std::move(control));
  try {
    const Reply reply = receive_reply(connection, call);
    out.pid = reply.pid;
  } catch (const Error& error) {
    throw explain(spec.id, "", error);
  }
  out.start_time = start_time_of(static_cast<pid_t>(out.pid));
  out.exit_fd = std::move(exit_fd);
  undo.release();
}

void ShimDriver::start(const std::string& id, const Call& call) {
  UniqueFd control;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pending_.find(id);
    if (found == pending_.end()) throw files(id).exist() ? not_running(id) : not_found(id);
    control = std::move(found->second.control);
    pending_.erase(found);
  }
  try {
    ask_shim(control.get(), {Operation::start, "", 0}, {}, call);
  } catch (const Error& error) {
    const Error told = explain(id, "", error);
    control.reset();
    remove(id, call);
    throw told;
  }
}

UniqueFd ShimDriver::connection(const std::string& id) const {
  if (!files(id).exist()) throw not_found(id);
  UniqueFd connection = connect_shim(files(id).directory());
  if (!connection) throw not_running(id);
  return connection;
}

void ShimDriver::signal(const std::string& id, const std::string& exec_id, int signal, const Call& call) {
  try {
    ask_shim(connection(id).get(), {Operation::signal, exec_id, signal}, {}, call);
  } catch (const Error& error) {
    // The shim went, with the container, between the question and the answer.
    if (error.code() == Errc::unavailable && files(id).exit_status()) throw not_running(id);
    throw;
  }
}

bool ShimDriver::is_running(const std::string& id) const {
  const auto state = files(id).started();
  return state && open_process(state->init, state->init_start) && !files(id).exit_status();
}

/// A pidfd of the container's init. Errors: not_found, conflict.
UniqueFd ShimDriver::running_init(const std::string& id) const {
  if (!files(id).exist()) throw not_found(id);
  const auto state = files(id).started();
  UniqueFd init = state ? open_process(state->init, state->init_start) : UniqueFd();
  if (!init || files(id).exit_status()) throw not_running(id);
  return init;
}

void ShimDriver::mount(const std::string& id, const Mount& mount, const Call& /*call*/) {
  const UniqueFd init = running_init(id);
  mount_into(init.get(), files(id).started()->init, mount);
}

void ShimDriver::unmount(const std::string& id, const std::string& target, const Call& /*call*/) {
  unmount_from(running_init(id).get(), target);
}

void ShimDriver::pause(const std::string& id, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  if (!is_running(id)) throw not_running(id);
  try {
    freeze(layout_, files(id).cgroup_directories());
  } catch (const Error&) {
    if (!is_running(id)) throw not_running(id);  // it has ended meanwhile, and its cgroup went with it
    throw;
  }
}

void ShimDriver::resume(const std::string& id, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  thaw(layout_, files(id).cgroup_directories());
}

void ShimDriver::update(const std::string& id, const Resources& resources, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  apply_limits(layout_, files(id).cgroup_directories(), resources);
}

void ShimDriver::stats(const std::string& id, Stats& out, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  const auto state = files(id).started();
  if (!state) throw not_running(id);
  read_stats(layout_, files(id).cgroup_directories(), state->init, out);
}

void ShimDriver::watch_oom(const std::string& id, UniqueFd& changed, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  changed = watch_memory(layout_, files(id).cgroup_directories());
}

bool ShimDriver::has_struck(const std::string& id, int changed, std::uint64_t& seen, const Call& /*call*/) {
  return memory_ran_out(layout_, files(id).cgroup_directories(), changed, seen);
}

void ShimDriver::processes(const std::string& id, std::vector<std::int64_t>& out, const Call& /*call*/) {
  if (!files(id).exist()) throw not_found(id);
  const auto directories = files(id).cgroup_directories();
  if (!directories.empty()) out = cgroup_processes(directories.front());
}

void ShimDriver::exec(const std::string& id, const ExecSpec& spec, Running& out, Streams& streams, const Call& call) {
  if (!is_valid_id(spec.exec_id)) throw Error{Errc::invalid, "invalid exec id \"" + spec.exec_id + "\""};
  const UniqueFd shim = connection(id);
  if (is_frozen(layout_, files(id).cgroup_directories()))
    throw Error{Errc::conflict, "container " + id + " is paused, unpause the container before exec"};
  ExecPlan plan = plan_exec(id, spec);
  plan.stdio.open_stdin = spec.attach_stdin;
  plan.stdio.stdin_once = true;
  plan.stdio.attach_stdout = spec.attach_stdout;
  plan.stdio.attach_stderr = spec.attach_stderr;
  const UniqueFd encoded = memory_file("gantry-exec", encode(plan));
  auto [client, socket] = make_socket_pair(SOCK_STREAM);
  auto [exit_fd, exit_pipe] = make_pipe();
  Reply reply;
  try {
    reply =
        ask_shim(shim.get(), {Operation::exec, spec.exec_id, 0}, {encoded.get(), socket.get(), exit_pipe.get()}, call);
  } catch (const Error& error) {
    // A shim goes when its container has ended: between the connection and the answer as well.
    if (error.code() == Errc::unavailable) throw not_running(id);
    throw explain(id, spec.exec_id, error);
  }
  out.pid = reply.pid;
  out.start_time = start_time_of(static_cast<pid_t>(reply.pid));
  out.exit_fd = std::move(exit_fd);
  streams.socket = std::move(client);
}

void ShimDriver::attach(const std::string& id, Streams& out, const Call& call) {
  auto [client, socket] = make_socket_pair(SOCK_STREAM);
  ask_shim(connection(id).get(), {Operation::attach, "", 0}, {socket.get()}, call);
  out.socket = std::move(client);
}

void ShimDriver::resize(const std::string& id, const std::string& exec_id, std::uint16_t rows, std::uint16_t columns,
                        const Call& call) {
  ask_shim(connection(id).get(), {Operation::resize, exec_id, std::int64_t{rows} << 16 | columns}, {}, call);
}

void ShimDriver::reopen_log(const std::string& id, const Call& call) {
  ask_shim(connection(id).get(), {Operation::reopen_log, "", 0}, {}, call);
}

void ShimDriver::adopt(const std::string& id, Running& out, const Call& call) {
  const ContainerFiles container = files(id);
  const auto state = container.started();
  if (!state) throw not_found(id);
  out.pid = state->init;
  out.start_time = state->init_start;
  auto [exit_fd, exit_pipe] = make_pipe();
  if (const UniqueFd shim = connect_shim(container.directory()); shim) {
    try {
      ask_shim(shim.get(), {Operation::watch, "", 0}, {exit_pipe.get()}, call);
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable) throw;  // else it ended this moment: the pipe says so
    }
  }
  exit_pipe.reset();
  // Neither ended nor watched: its shim was killed. Then the container ends as well.
  if (has_ended(exit_fd.get()) && !container.exit_status()) end_without_shim(id);
  out.exit_fd = std::move(exit_fd);
}

void ShimDriver::list(std::vector<std::string>& out, const Call& /*call*/) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(base_, error)) {
    std::error_code gone;
    if (entry.is_directory(gone) && is_valid_id(entry.path().filename())) out.push_back(entry.path().filename());
  }
}

}  // namespace gantry::container_shim
