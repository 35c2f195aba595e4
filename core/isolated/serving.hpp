#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/driver.hpp"
#include "gantry/stream.hpp"
#include "gantry/unique_fd.hpp"
#include "isolated/description.hpp"
#include "isolated/frame.hpp"
#include "isolated/message.hpp"

/// The driver's end.
namespace gantry::isolated {

/// The driver's end of a connection; one call at a time.
struct Line {
  UniqueFd socket;
  UniqueFd cancel;     ///< An eventfd: readable while the call is cancelled.
  std::mutex sending;  ///< A driver may report from any of its threads.
};

/// One call that has come in, with what the driver may ask of the daemon meanwhile. The parameters are taken in order.
class Incoming {
 public:
  /// Errors: BrokenLink (not a call).
  Incoming(Line& line, Frame& frame);
  ~Incoming();
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  [[nodiscard]] std::size_t method() const noexcept;
  /// Errors: BrokenLink (there are no more).
  const Json& next();
  int next_descriptor();
  /// Goes with the answer.
  void give(UniqueFd descriptor);
  [[nodiscard]] std::vector<UniqueFd> take_given() noexcept;
  const Call& call() noexcept;
  ByteSource& source() noexcept;
  ByteSink& sink() noexcept;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What a driver's process serves.
struct Served {
  Description description;
  std::shared_ptr<void> object;      ///< As the kind's interface.
  Driver* base = nullptr;            ///< The same as what all kinds have in common.
  std::string refusal;               ///< Why there is none; empty if there is.
  std::function<Error()> translate;  ///< The exception in flight.
  std::function<void(LogLevel, std::string_view)> log;
  std::unique_ptr<Host> host;  ///< Once it is opened.
};

/// Answers what comes on a connection until it ends.
void serve(Line& line, Served& served) noexcept;

}  // namespace gantry::isolated
