#pragma once

#include <chrono>
#include <functional>
#include <vector>

#include "base/far_session.hpp"
#include "gantry/call.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"
#include "isolated/frame.hpp"
#include "isolated/message.hpp"

/// The caller's end of a call: the daemon's into a driver, and a driver's back into the daemon.
namespace gantry::isolated {

/// The caller's end of a connection; one call at a time.
struct Connection {
  UniqueFd socket;
  UniqueFd cancel;  ///< An eventfd that both ends hold; empty if calls on it have no `Call`.
  MessageBounds bounds = kCallBounds;
};

/// What a call has beside its message; null: it has none.
struct Request {
  const Call* call = nullptr;
  ByteSource* source = nullptr;
  ByteSink* sink = nullptr;
  std::vector<int> descriptors;
  std::vector<UniqueFd>* returned = nullptr;  ///< Takes those that come with the result.
  FdTaker* taker = nullptr;                   ///< Takes one that comes before it.
  std::chrono::milliseconds grace{};          ///< How long a cancelled call may take to return.
};

/// What is looked after while an answer is waited for.
struct Beside {
  int fd = -1;                  ///< May change meanwhile.
  std::function<bool()> ready;  ///< `fd` is readable; false: don't look any more. Throws nothing.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

/// A level as a driver's process has sent it.
LogLevel known_level(int level);

/// Sends a call, serves what the other end asks for meanwhile, and answers its result. `beside` may be null.
/// Errors: the other end's; what source and sink throw, if it lets that through; NotSent; NotReturned; BrokenLink (also
/// at the deadline).
Json exchange(Connection& connection, FrameType type, const Json& message, const Request& request,
              Beside* beside = nullptr);

}  // namespace gantry::isolated
