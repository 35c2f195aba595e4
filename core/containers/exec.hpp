#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.hpp"

namespace gantry::containers {

/// What `exec` asks for (API: ExecConfig).
struct ExecRequest {
  bool attach_stdin{};
  bool attach_stdout{};
  bool attach_stderr{};
  bool tty{};
  bool privileged{};
  std::string user;
  std::string working_dir;
  std::string detach_keys;
  std::vector<std::string> env;
  std::vector<std::string> cmd;
  std::vector<std::uint32_t> console_size;  ///< Height, width.
};

/// API: ExecStartConfig.
struct ExecStart {
  bool detach{};
  bool tty{};
  std::vector<std::uint32_t> console_size;
};

/// One more process in a container. Not on record: the daemon's restart forgets it, as dockerd's does.
struct Exec {
  explicit Exec(asio::any_io_executor executor) : ended(std::move(executor), asio::steady_timer::time_point::max()) {}

  std::string id;  ///< 64 hex digits.
  std::string container_id;
  ExecRequest request;
  bool started{};
  bool running{};
  std::optional<int> exit_code;
  std::int64_t pid{};
  asio::steady_timer ended;  ///< Cancelled when it ends.
  /// Of those who wait for its start; cancelled when it runs, or never will.
  std::vector<std::shared_ptr<asio::steady_timer>> awaiting_start;
};

}  // namespace gantry::containers
