// How containers end: by themselves, with their shims, and when they are removed.

#include <signal.h>
#include <sys/wait.h>

#include <ctime>

#include "container_shim/cgroup_control.hpp"
#include "container_shim/processes.hpp"
#include "container_shim/protocol.hpp"
#include "container_shim/shim_client.hpp"
#include "container_shim/shim_driver.hpp"

// glibc 2.36 forgets to say so in its own header.
extern "C" {
#include <sys/pidfd.h>
}

namespace gantry::container_shim {

namespace {

using runtime::v1::ExitStatus;

constexpr int kShimTimeoutMs = 5000;

/// Ends the container's processes and waits until they are gone: a cgroup is empty a moment before.
void destroy(const ContainerFiles& container) {
  const auto state = container.started();
  const UniqueFd init = state ? open_process(state->init, state->init_start) : UniqueFd();
  destroy_cgroup(container.cgroup_directories());
  if (init) wait_for_end(init.get(), kShimTimeoutMs);
}

std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec;
}

}  // namespace

/// A shim that was killed took the container's streams with it: as with a lost containerd-shim, that is the end.
ExitStatus ShimDriver::end_without_shim(const std::string& id) const {
  destroy(files(id));
  const ExitStatus status{137, false, now_ns()};
  files(id).write_exit_status(status);
  return status;
}

/// Throws as long as the process runs, also if there never was one.
void ShimDriver::expect_ended(const std::string& id, const std::string& exec_id, const Call& call) const {
  const auto state = files(id).started();
  if (!state) throw Error{Errc::conflict, "container " + id + " has not been started"};
  if (const UniqueFd shim = connect_shim(files(id).directory()); shim) {
    try {
      ask_shim(shim.get(), {Operation::watch, exec_id, 0}, {}, call);
      throw Error{Errc::conflict, (exec_id.empty() ? "container " + id : "exec " + exec_id) + " is still running"};
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable) throw;
    }
  }
  // It does not listen, so it is on its way out: what it writes, it has written then.
  const UniqueFd shim = open_process(state->shim, state->shim_start);
  if (shim && !wait_for_end(shim.get(), kShimTimeoutMs)) {
    throw Error{Errc::unavailable, "the shim of container " + id + " does not answer"};
  }
}

void ShimDriver::exit_status(const std::string& id, const std::string& exec_id, ExitStatus& out, const Call& call) {
  const ContainerFiles container = files(id);
  if (!container.exist()) throw Error{Errc::not_found, "No such container: " + id};
  const auto look = [&] { return exec_id.empty() ? container.exit_status() : container.exec_exit_status(exec_id); };
  auto found = look();
  if (!found) {
    try {
      expect_ended(id, exec_id, call);
    } catch (const Error&) {
      found = look();  // it may have ended this moment
      if (!found) throw;
    }
  }
  if (!found) found = look();
  if (!found && exec_id.empty()) found = end_without_shim(id);
  // It went with the container, whose own end is told, and put on record, when that is asked for: this call may come
  // in the midst of its removal.
  if (!found) found = ExitStatus{137, false, now_ns()};
  out = *found;
}

void ShimDriver::remove(const std::string& id, const Call& call) {
  const ContainerFiles container = files(id);
  end_pending(id);
  if (container.exist()) {
    const auto state = container.started();
    if (state && !container.exit_status()) {
      // Its streams' clients are of no use any more: the shim need not wait for them.
      if (const UniqueFd shim = open_process(state->shim, state->shim_start); shim) {
        ::pidfd_send_signal(shim.get(), SIGKILL, nullptr, 0);
        wait_for_end(shim.get(), kShimTimeoutMs);
      }
    }
    destroy(container);
    release(container, call);
    container.remove();
  }
  reap_shims();
}

/// A shim whose owner is gone before the start ends the container and itself: until then it may be making it.
void ShimDriver::end_pending(const std::string& id) {
  Pending pending;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;
    pending = std::move(found->second);
    pending_.erase(found);
  }
  pending.control.reset();
  if (!pending.shim || wait_for_end(pending.shim.get(), kShimTimeoutMs)) return;
  ::pidfd_send_signal(pending.shim.get(), SIGKILL, nullptr, 0);
  wait_for_end(pending.shim.get(), kShimTimeoutMs);
}

void ShimDriver::remember_shim(const std::string& id, pid_t pid, UniqueFd control) {
  UniqueFd process(::pidfd_open(pid, 0));  // its number is its own until it is reaped here
  const std::lock_guard lock(mutex_);
  shims_.insert(pid);
  pending_[id] = {std::move(control), std::move(process)};
}

/// Shims are this process's children until it ends; one that has ended is forgotten at the next opportunity.
void ShimDriver::reap_shims() {
  const std::lock_guard lock(mutex_);
  std::erase_if(shims_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

}  // namespace gantry::container_shim
