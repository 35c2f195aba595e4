// What the shim does for a container whose root is not the host's.

#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "container_shim/message.hpp"
#include "shim/container.hpp"
#include "shim/groundwork.hpp"
#include "shim/id_maps.hpp"
#include "shim/privileges.hpp"
#include "shim/system.hpp"

namespace gantry::container_shim {

/// So that a program can open /dev/stdout again.
void Container::give_to_root(const StdioEnds& ends) const {
  if (!is_remapped(plan_)) return;
  for (const UniqueFd* end : {&ends.child_input, &ends.child_output, &ends.child_error}) {
    struct stat facts {};
    if (::fstat(end->get(), &facts) < 0 || !S_ISFIFO(facts.st_mode)) continue;
    [[maybe_unused]] const int refused = ::fchown(end->get(), plan_.root_uid, plan_.root_gid);
  }
}

/// The one that has joined the user namespace says who goes on there.
Reply Container::await_child(Process& process) {
  process.joiner = process.pid;
  Message message;
  do {
    message = receive_message(process.line.get(), 4096);
  } while (message.size < 0 && errno == EINTR);
  UniqueFd pidfd = message.take(0);
  if (message.size > 1 && message.bytes[0] == static_cast<char>(Report::child) && pidfd) {
    on_child(process, message.bytes, std::move(pidfd));
    return {};
  }
  if (message.size > 2 && message.bytes[0] == static_cast<char>(Report::failure)) {
    return failure(static_cast<Errc>(message.bytes[1]), message.bytes.substr(2));
  }
  return failure(Errc::io, "the container's user namespace has gone");
}

Reply Container::clone_failure() const {
  const int error = errno;
  const Reply reply = errno_failure("clone the container's init");
  const char* const advice = (plan_.new_namespaces & CLONE_NEWUSER) != 0 ? user_namespace_advice(error) : nullptr;
  return advice != nullptr ? failure(Errc::unsupported, reply.message + advice) : reply;
}

/// While the init waits: its maps, its limits, and its groundwork.
Reply Container::prepare_user_namespace() {
  if (!is_remapped(plan_)) return {};
  if ((plan_.new_namespaces & CLONE_NEWUSER) != 0) {
    std::string file;
    if (const int error = write_id_maps(plan_, init_->pid, file); error != 0) {
      return failure(error_code(error), "write " + file + ": " + error_text(error));
    }
  }
  if (std::string error = limit_process(init_->pid, plan_.process); !error.empty()) {
    return failure(error_code(errno), std::move(error));
  }
  UniqueFd pidfd;
  const pid_t pid = clone_process(0, pidfd);
  if (pid == 0) run_groundwork(plan_, {init_->pid, init_->pidfd.get(), init_->line.get()});
  if (pid < 0) return errno_failure("clone the container's groundwork");
  groundwork_ = pid;
  init_->send(Signal::maps_written);
  return {};
}

/// One that fails has told the init so, unless it was killed.
void Container::on_groundwork_end(int status) {
  groundwork_ = 0;
  if (!WIFSIGNALED(status) || init_->ended) return;
  if (init_->failure.error == 0) init_->failure = failure(Errc::io, "the container's groundwork was killed");
  ::kill(init_->pid, SIGKILL);
}

}  // namespace gantry::container_shim
