#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "gantry/unique_fd.hpp"

/// Drivers in processes of their own. The daemon's end stands for the driver behind the interface of its kind
/// (`Remote`, and a proxy for each kind); `gantry-driver-host` loads the driver's file and answers (`Serving`).
///
/// Each call has a connection of its own (a socket pair, handed over on the control socket, used again afterwards):
///     daemon: call ->   host: (log | progress | read | write)*, each read and write answered ->   host: result |
///     failure
/// A call is cancelled by an eventfd that comes with the connection and that both processes hold, so that a driver may
/// poll it.
///
/// A driver that gets an object of the daemon's with a call (a builder its session) calls that in the same way: the
/// call brings a socket on which the driver asks for connections, and on these the driver is who calls (`Callbacks`,
/// `CallbackLink`).
namespace gantry::isolated {

enum class FrameType : std::uint32_t {
  // from who calls, on a connection
  describe = 1,  ///< Who are you?
  open,          ///< Opens the driver.
  call,
  data,     ///< Answers read: bytes, none at the end.
  taken,    ///< Answers write.
  refused,  ///< Answers read or write: the caller's end failed. And connection.
  // from who is called, on a connection
  result,
  failure,
  progress,
  read,    ///< More of the call's ByteSource is wanted.
  write,   ///< Bytes for the call's ByteSink.
  handed,  ///< A descriptor for the call's FdTaker.
  // both
  log,  ///< On a connection: of the call; on the control socket: of the driver.
  // daemon to host, on the control socket
  connection,  ///< Two descriptors: a socket and an eventfd. On a call's own socket one, a socket, if it is asked for.
  close,       ///< No more connections will come: destroy the driver and end.
};

struct Frame {
  FrameType type{};
  std::string message;  ///< MessagePack.
  std::string bytes;    ///< Of a stream.
  std::vector<UniqueFd> descriptors;
  bool lacks_descriptors = false;  ///< More came than this process may have (RLIMIT_NOFILE).
};

/// A new connection between the daemon and a driver's process. A frame that has begun and does not go on breaks the
/// daemon's end after half a minute: whoever waits there for the begin of one polls, as `await_frame` does.
struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};

/// Errors: exhausted.
SocketPair make_socket_pair();

/// Blocks until a frame begins, or the link ends.
void await_frame(int socket) noexcept;

/// What a message may cost who takes it.
struct MessageBounds {
  std::size_t bytes = 0;
  std::size_t values = 0;
};
constexpr MessageBounds kCallBounds{std::size_t{64} << 20, std::size_t{4} << 20};
/// Of what a driver asks back, as one build may ask many things at once. A step tells what its instruction has come to,
/// which may be 8 MiB (plugins/builder-dockerfile/bounds.hpp), and the config that it leaves.
constexpr MessageBounds kQuestionBounds{std::size_t{16} << 20, std::size_t{256} << 10};
constexpr std::size_t kLargestBytes = std::size_t{256} << 10;
constexpr std::size_t kMostDescriptors = 4;

/// The other end is gone, or what it sent is no frame: nothing more can be done with the socket.
class BrokenLink : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The other end is there, and what it sent is not what is sent here.
class Nonsense : public BrokenLink {
 public:
  using BrokenLink::BrokenLink;
};

/// The other end was gone before it had all of a call: nothing has come of it.
class NotSent : public BrokenLink {
 public:
  using BrokenLink::BrokenLink;
};

/// A call that was cancelled did not come back: its connection is of no more use, the process is.
class NotReturned : public BrokenLink {
 public:
  using BrokenLink::BrokenLink;
};

/// What comes of it if the other end reads too little of what is sent.
enum class Patience {
  waits,
  none,  ///< The link is broken, in the middle of a frame perhaps.
};

/// Blocks until all is sent. Errors: BrokenLink.
void send_frame(int socket, FrameType type, const std::string& message = {}, const std::string& bytes = {},
                const std::vector<int>& descriptors = {}, Patience patience = Patience::waits);

/// Blocks until a frame has come; false at the end between two frames. Descriptors are taken only if they are
/// `expected`. Errors: BrokenLink, Nonsense.
bool receive_frame(int socket, Frame& out, bool expected = false, std::size_t largest_message = kCallBounds.bytes);

}  // namespace gantry::isolated
