#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"
#include "isolated/frame.hpp"
#include "isolated/message.hpp"

/// The daemon's end of a call.
namespace gantry::isolated {

/// The daemon's end of a connection; one call at a time.
struct Connection {
  UniqueFd socket;
  UniqueFd cancel;  ///< An eventfd that both ends hold.
};

/// What a call has beside its message; null: it has none.
struct Request {
  const Call* call = nullptr;
  ByteSource* source = nullptr;
  ByteSink* sink = nullptr;
  std::vector<int> descriptors;
  std::vector<UniqueFd>* returned = nullptr;  ///< Takes those that come with the result.
  /// How long a cancelled call may take to return. A little less than the daemon's own patience (CallSettings), after
  /// which a thread would be lost to it.
  std::chrono::milliseconds grace{9'000};
};

/// What is looked after while an answer is waited for.
struct Beside {
  int fd = -1;
  std::function<bool()> ready;  ///< `fd` is readable; false: don't look any more.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// A level as a driver's process has sent it.
LogLevel known_level(int level);

/// Sends a call, serves what the driver asks for meanwhile, and answers its result.
/// Errors: the driver's; what source and sink throw, if the driver lets it through; NotSent; NotReturned; BrokenLink
/// (also at the deadline).
Json exchange(Connection& connection, FrameType type, const Json& message, const Request& request,
              const Beside& beside = {});

}  // namespace gantry::isolated
