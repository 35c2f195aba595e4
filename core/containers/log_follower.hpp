#pragma once

#include <memory>
#include <vector>

#include "containers/service.hpp"
#include "gantry/log.hpp"

namespace gantry::containers {

/// ContainerLogs' parameters.
struct LogRequest : log::v1::ReadRequest {
  bool follow{};
};

/// A container's log, read by its driver, as it grows: until the container ends and all was read, or `close`. Io thread
/// only.
class LogFollower {
 public:
  /// Errors: not_found; unsupported if the container's driver keeps no log that can be read.
  LogFollower(asio::any_io_executor executor, Service& service, const std::string& name, const LogRequest& request);
  ~LogFollower();
  LogFollower(const LogFollower&) = delete;
  LogFollower& operator=(const LogFollower&) = delete;

  /// The next entries; none at the end.
  awaitable<std::vector<log::v1::Entry>> next();

  /// Wakes `next` up for good.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace gantry::containers
