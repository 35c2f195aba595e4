#pragma once

#include <stdexcept>
#include <string>

namespace gantry {

/// Why a call failed. The list is short and fixed: the daemon maps each code to one HTTP status, and a
/// driver that needs finer distinctions puts them into the message.
enum class Errc : int {
  invalid = 1,   ///< The request or an option is malformed (400).
  denied,        ///< Not allowed: credentials, permissions, policy (403; registries also 401).
  not_found,     ///< The named object does not exist (404).
  conflict,      ///< The object exists already, is in use, or is in the wrong state (409).
  unsupported,   ///< This driver or this kernel cannot do it (501).
  unavailable,   ///< Something that the call needs does not answer now; a later try may work (503).
  cancelled,     ///< The call's token was cancelled.
  exhausted,     ///< A limit was reached: disk, addresses, ports, memory, layers (500 as dockerd answers).
  io,            ///< The operating system or a peer failed (500).
  internal,      ///< A defect of the driver or of the daemon (500).
};

/// The one exception that crosses between a driver and the daemon, in either direction.
/// The message names the object, what was wrong and what would be right; it ends up before the user's eyes,
/// so it holds no secrets. Any other exception that leaves a driver is a defect: it is logged with the
/// driver's name and answered as `internal`.
class Error : public std::runtime_error {
 public:
  Error(Errc code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] Errc code() const noexcept { return code_; }

 private:
  Errc code_;
};

}  // namespace gantry
