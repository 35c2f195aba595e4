#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/error.hpp"

namespace gantry {

enum class LogLevel : int { debug = 0, info, warning, error };

/// How far a long call has come. Frozen: new facts come with a new struct.
struct Progress {
  std::string id;           ///< What moves: for a blob its digest.
  std::string action;       ///< What happens to it, in the words of Docker's progress: "Downloading".
  std::uint64_t current{};  ///< In bytes, unless `total` is 0.
  std::uint64_t total{};    ///< In bytes; 0 if not known.
};

/// The context of one call into a driver: made by the daemon, valid until the call returns, usable from any
/// thread that the driver starts for that call.
class Call {
 public:
  virtual ~Call() = default;

  /// Whether the caller no longer wants the result. A driver looks at least every 100 ms and between steps
  /// that block; it then undoes what is half-done and throws `Errc::cancelled`.
  [[nodiscard]] virtual bool cancelled() const noexcept = 0;

  /// Becomes readable when the call is cancelled, for poll(2) beside the driver's own descriptors.
  /// Owned by the daemon; -1 if this call cannot be cancelled. Never read from it.
  [[nodiscard]] virtual int cancel_fd() const noexcept = 0;

  /// Reports progress; cheap and never blocks (reports may be dropped).
  virtual void progress(const Progress& report) const = 0;

  /// Logs a line under the driver's name.
  virtual void log(LogLevel level, std::string_view message) const noexcept = 0;

  /// Throws `Errc::cancelled` once the call is cancelled.
  void check() const {
    if (cancelled()) throw Error{Errc::cancelled, "the operation was cancelled"};
  }
};

}  // namespace gantry
