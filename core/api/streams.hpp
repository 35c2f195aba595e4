#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/exchange.hpp"
#include "api/frame_filter.hpp"
#include "gantry/unique_fd.hpp"

/// Copies between a client's hijacked connection and the socket of a process's streams (runtime::v1::Streams).
namespace gantry::api {

/// Recognises the detach sequence in a client's input.
class DetachKeys {
 public:
  /// "ctrl-p,ctrl-q", "ctrl-a,x", ...; an empty text is the default, ctrl-p,ctrl-q.
  /// Errors: invalid ("Invalid detach keys (x) provided").
  explicit DetachKeys(const std::string& sequence);

  /// Appends to `out` what of `input` goes on to the process: the start of a sequence is held back until it is decided.
  /// True when the sequence is complete: what follows it is dropped.
  bool filter(std::string_view input, std::string& out);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::size_t matched_{};
};

/// How a copy ended.
enum class StreamEnd {
  output_ended,  ///< The process has closed its output.
  detached,      ///< The client typed the detach keys.
  client_gone,   ///< The client closed the connection, or the daemon ends.
};

struct StreamSettings {
  bool input{};                           ///< Whether the client's input goes to the process.
  bool close_input{};                     ///< Whether the end of the client's input is passed on (API: StdinOnce).
  std::optional<DetachKeys> detach_keys;  ///< With a terminal.
  std::optional<FrameFilter> frames;      ///< Without a terminal, if not both outputs are wanted.
  bool add_frames{};                      ///< Of a terminal's output, for a client that expects them.
};

/// Copies both ways until the output ends, the client detaches or goes away. The client's end is left open, so that the
/// caller may still say something; `socket` is closed. Io thread only.
awaitable<StreamEnd> copy_streams(std::shared_ptr<Upgraded> client, UniqueFd socket, StreamSettings settings);

/// Ends the answer and closes the connection, once the client has seen the end: what it still sends until it hangs up
/// is taken and forgotten, for ten seconds at most. Input that nobody has read would break the connection under it
/// before it has read the end.
awaitable<void> hang_up(std::shared_ptr<Upgraded> client);

}  // namespace gantry::api
