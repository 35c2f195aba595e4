#pragma once

#include <memory>
#include <vector>

#include "containers/log_reader.hpp"
#include "containers/service.hpp"

namespace gantry::containers {

/// A container's log as it grows: until the container ends and all was read, or `close`. Io thread only.
class LogFollower {
 public:
  /// Errors: not_found; unsupported if the container keeps no log.
  LogFollower(asio::any_io_executor executor, Service& service, const std::string& name, LogRequest request);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  /// The next entries; none at the end.
  awaitable<std::vector<LogEntry>> next();

  /// Wakes `next` up for good.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gantry::containers
