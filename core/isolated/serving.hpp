#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/far_session.hpp"
#include "gantry/call.hpp"
#include "gantry/error.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"
#include "isolated/frame.hpp"
#include "isolated/message.hpp"

/// The end that is called: the driver's, and the daemon's where a driver calls back.
namespace gantry::isolated {

/// The called one's end of a connection; one call at a time.
struct Line {
  UniqueFd socket;
  UniqueFd cancel;     ///< An eventfd: readable while the call is cancelled. Empty: calls on it have no `Call`.
  std::mutex sending;  ///< A driver may report from any of its threads.
  MessageBounds bounds = kCallBounds;
};

/// One call that has come in, with what may be asked of the caller meanwhile. The parameters are taken in order.
class Incoming {
 public:
  /// Takes the frame's content. Errors: Nonsense (not a call).
  Incoming(Line& line, Frame& frame);
  ~Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  [[nodiscard]] std::size_t method() const noexcept;
  /// Errors: Nonsense (there are no more).
  const Json& next();
  int next_descriptor();
  /// Goes with the answer.
  void give(UniqueFd descriptor);
  [[nodiscard]] std::vector<UniqueFd> take_given() noexcept;
  const Call& call() noexcept;
  ByteSource& source() noexcept;
  ByteSink& sink() noexcept;
  FdTaker& taker() noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What answers calls. Any thread.
class Answerer {
 public:
  virtual ~Answerer() = default;

  /// What comes of a frame; the descriptors that go with it into `given`. Errors: Nonsense; BrokenLink (nothing is
  /// answered any more).
  virtual Json answer(Line& line, Frame& frame, std::vector<UniqueFd>& given) = 0;

  /// The exception in flight, for the other end.
  virtual Error translate() noexcept = 0;

  /// The other end has sent what makes no sense. Its connection ends afterwards.
  virtual void distrust(const std::string& /*why*/) noexcept {}
};

/// Answers what comes on a connection until it ends.
void serve(Line& line, Answerer& answerer) noexcept;

}  // namespace gantry::isolated
