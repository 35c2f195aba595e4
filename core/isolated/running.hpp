#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/call.hpp"
#include "isolated/connections.hpp"
#include "isolated/host_process.hpp"

namespace gantry::isolated {

/// A driver's process while it runs, with the connections to it. Any thread.
class Running {
 public:
  /// Errors: unavailable, exhausted.
  Running(const HostProgram& program, const DriverFile& file)
      : process_(program, file), connections_([this] { return connect(); }) {}

  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
  [[nodiscard]] int control() const noexcept { return process_.control(); }

  /// One exchange on a connection that nobody else uses. Errors: as of `exchange`.
  Json ask(FrameType type, const Json& message, const Request& request, Beside* beside = nullptr) {
    return connections_.ask(type, message, request, beside);
  }

  /// One line of the driver's that waits on the control socket; false: the process has ended, or makes no sense.
  bool take_line(const std::function<void(LogLevel, std::string_view)>& log);

  void kill() noexcept { process_.kill(); }
  /// The driver is to be destroyed and the process to end.
  void close() noexcept;
  /// Waits for its end, and kills it if that does not come in time; the first one to wait decides.
  std::string wait(std::chrono::milliseconds patience);

 private:
  Connection connect();

  HostProcess process_;
  Connections connections_;
  std::mutex mutex_;
  std::mutex sending_;  // on the control socket
  std::optional<std::string> end_;
};

}  // namespace gantry::isolated
