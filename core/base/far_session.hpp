#pragma once

#include <string>

#include "gantry/unique_fd.hpp"

namespace gantry {

/// Takes a descriptor that is handed out in the middle of a call. Never blocks, never fails.
class FdTaker {
 public:
  virtual ~FdTaker() = default;
  virtual void take(UniqueFd fd) noexcept = 0;
};

/// A build's session as whoever stands between it and a driver in a process of its own sees it, beside what the driver
/// does. Not a service: drivers in the daemon cannot ask for it.
class FarSession {
 public:
  virtual ~FarSession() = default;

  /// As `builder::v1::Steps::run`, but the driver reads what the command says for itself: once it runs, `output` gets
  /// the socket from which it comes, in pieces with the headers of Docker's attached streams. So a command that says
  /// more than the driver can take waits, and nothing of it lies in the daemon but what the driver has shown.
  virtual int run(const std::string& container, FdTaker& output) = 0;

  /// Blocks while so much of what was shown waits for the user that the driver is to show no more. Any thread but the
  /// io thread.
  virtual void await_room() = 0;

  /// The driver is gone, or is not listened to any more: its commands end, and what it has left is removed with the
  /// rest when the build ends, which fails for the first reason that is given. Any thread.
  virtual void abandon(const std::string& why) = 0;
};

}  // namespace gantry
