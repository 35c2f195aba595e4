#pragma once

#include <map>
#include <string>

#include "base/time.hpp"
#include "gantry/driver.hpp"

namespace gantry::volumes {

/// What a volume's record says of the driver's side: written before it is changed, so that a start after a crash can
/// repeat or undo.
enum class Phase { creating, ready, removing, renaming };

/// Marks a volume that got its name from the daemon.
inline constexpr const char* kAnonymousLabel = "com.docker.volume.anonymous";

/// Names the volume that a copy was made of.
inline constexpr const char* kCopyOfLabel = "gantry.volume.copy-of";

struct Volume {
  std::string name;
  std::string driver;
  Options options;
  bool options_given{};  ///< Also if there are none: shown as {} then.
  std::map<std::string, std::string> labels;
  std::string mountpoint;
  Nanoseconds created{};
  bool anonymous{};
  std::string made_for;  ///< The container that an anonymous volume goes with; empty for one that stays.
  bool read_only{};      ///< A snapshot: users read it only.
  Phase phase{Phase::creating};
  std::string renamed_to;  ///< In the phase `renaming`.
};

std::string to_record(const Volume& volume);
void from_record(const std::string& text, Volume& volume);

}  // namespace gantry::volumes
