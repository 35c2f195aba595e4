#pragma once

#include <sys/types.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "container_shim/plan.hpp"
#include "container_shim/protocol.hpp"
#include "gantry/unique_fd.hpp"
#include "shim/report.hpp"
#include "shim/streams.hpp"

namespace gantry::container_shim {

/// A process that the shim has cloned: the container's init or an exec.
struct Process {
  std::string exec_id;
  pid_t pid{};
  UniqueFd pidfd;
  UniqueFd line;  ///< Of reports; gone once it has executed its program or failed.
  std::unique_ptr<Streams> streams;
  std::vector<UniqueFd> watchers;  ///< Closed when it has ended.
  UniqueFd waiting;                ///< The request that wants to know how its execve went.
  pid_t joiner{};       ///< Of an exec: who joins the namespaces, from outside, while it runs; its child goes on.
  UniqueFd console;     ///< Where an OCI runtime sends the terminal; gone once it has.
  UniqueFd patience;    ///< A timer, while an OCI runtime makes or starts it.
  bool doomed = false;  ///< Was to be killed before an OCI runtime had made it.
  bool executed = false;
  bool ended = false;
  Reply failure;

  void send(Signal signal, std::span<const int> descriptors = {}) const;
};

/// How a clone is made.
struct CloneSettings {
  std::uint64_t namespaces{};
  int cgroup = -1;    ///< Of v2.
  int extra_fd = -1;  ///< Becomes descriptor 4 of the child.
};

/// Clones `process`, with `ends` as its standard streams. Returns in the child as well (true there); errno if pid < 0.
bool clone_into(Process& process, const CloneSettings& settings, StdioEnds& ends);

/// SIGKILL to the session that an exec leads, or is in: it leaves no children behind. Not yet reaped, so that the
/// number means nobody else.
void kill_session(pid_t pid);

/// The exit code as a shell has it.
int exit_code(int status);

/// What did not work; with errno's text.
Reply failure(Errc code, std::string message);
Reply errno_failure(const std::string& what);

/// Sends an answer; whoever asked may be gone.
void answer(int connection, const Reply& reply);

}  // namespace gantry::container_shim
