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

/// Of a build's session (`builder::v1::Session::query(FarSession::kService)`): what it has for whoever stands between
/// it and a driver in a process of its own.
class FarSession {
 public:
  static constexpr const char* kService = "far";
  virtual ~FarSession() = default;

  /// As `builder::v1::Steps::run`, but the driver reads what the command says for itself: once it runs, `output` gets
  /// the socket from which it comes, in pieces with the headers of Docker's attached streams. So a command that says
  /// more than the driver can take waits, and nothing of it lies in the daemon.
  virtual int run(const std::string& container, FdTaker& output) = 0;

  /// The driver is gone, or is not listened to any more: its commands end, and what it has left is removed with the
  /// rest when the build ends. Any thread.
  virtual void abandon() noexcept = 0;
};

}  // namespace gantry
