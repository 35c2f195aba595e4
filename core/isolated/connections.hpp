#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "isolated/exchange.hpp"

namespace gantry::isolated {

/// The connections to another process: each serves one call at a time, and the next one afterwards. Any thread.
class Connections {
 public:
  using Make = std::function<Connection()>;
  explicit Connections(Make make) : make_(std::move(make)) {}

  /// One exchange on a connection that nobody else uses. Errors: those of `make`, and of `exchange`.
  Json ask(FrameType type, const Json& message, const Request& request, Beside* beside = nullptr);

  /// Closes those that are idle.
  void clear() noexcept;

 private:
  Connection take();

  Make make_;
  std::mutex mutex_;
  std::vector<Connection> idle_;
};

}  // namespace gantry::isolated
