#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "container_shim/message.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

/// How a process on its way into the container talks to the shim: messages over a SOCK_SEQPACKET pair that execve
/// closes.
namespace gantry::container_shim {

/// The first byte of what the shim sends.
enum class Signal : char {
  maps_written = 'M',  ///< The user namespace has its maps.
  cgroup_ready = 'C',  ///< The cgroups are made; with what to join them by.
  start = 'S',         ///< execve, please.
  ground = 'G',        ///< With a mount that the groundwork has made.
};

/// The first byte of what the process sends.
enum class Report : char {
  failure = 'E',   ///< Then the Errc as a byte, then the message.
  terminal = 'P',  ///< With the terminal's descriptor.
  child = 'C',     ///< Then the pid of the one that goes on in this one's place; with its pidfd.
};

/// The process's end.
class ReportLine {
 public:
  explicit ReportLine(int fd) : fd_(fd) {}

  [[nodiscard]] int fd() const { return fd_; }

  /// Tells the shim why the process ends, and ends it.
  [[noreturn]] void fail(Errc code, std::string_view message) const;

  /// `what` and errno's text.
  [[noreturn]] void fail_errno(std::string_view what) const;
  [[noreturn]] void fail_errno(std::string_view what, int error) const;

  /// Waits for `expected` and gives the descriptors that came with it; what comes before it is kept for later. A shim
  /// that is gone ends the process, and so does a groundwork that failed: what it says is passed on.
  std::vector<UniqueFd> wait(Signal expected) const;

  void send_terminal(int master) const;
  void send_child(pid_t pid, int pidfd) const;

 private:
  int fd_;
  mutable std::vector<Message> early_;
};

/// errno's text, as Go has it: "no such file or directory".
std::string error_text(int error);

Errc error_code(int error);

}  // namespace gantry::container_shim
