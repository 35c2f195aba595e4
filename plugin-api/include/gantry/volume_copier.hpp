#pragma once

#include <string>
#include <string_view>

#include "gantry/volume.hpp"

namespace gantry::volume::v1 {

/// The ability of volume drivers that can copy and rename what they hold: `Driver::query(kCopier)` answers a `Copier*`.
inline constexpr std::string_view kCopier = "volume-copier/1";

/// Calls block; never two at once for the same volume, be it the old name or the new one.
class Copier {
 public:
  virtual ~Copier() = default;

  /// Makes the volume `to` with the options and the data of `from`: content (shared with the original where the
  /// filesystem can), owners, modes, times, extended attributes, links, devices and holes. All or nothing, also if the
  /// daemon dies meanwhile. The copy is as consistent as `from` is at rest: the daemon sees to that.
  /// Errors: not_found, conflict (`to` exists), unsupported (the data is not the driver's own), exhausted, io.
  virtual void clone(const std::string& from, const std::string& to, Volume& out, const Call& call) = 0;

  /// Gives a volume that nobody has mounted another name: all or nothing. Succeeds if `from` is gone and `to` there, so
  /// that it may be repeated. Errors: not_found, conflict (both exist), io.
  virtual void rename(const std::string& from, const std::string& to, Volume& out, const Call& call) = 0;
};

}  // namespace gantry::volume::v1
